"""Who may enter the database, and that nobody makes temporary tables in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.integration.testdatabase import ROLES
from tillgate.adapters.migration_files import shipped_migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

[BY_NAME] = [one for one in shipped_migrations() if one.name.endswith("_database_by_name.sql")]


def of_public(database: TestDatabase) -> set[str]:
    with database.superuser() as superuser:
        rows = superuser.execute(
            "SELECT g.privilege_type FROM pg_database AS d,"
            " aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS g"
            " WHERE d.datname = current_database() AND g.grantee = 0"
        )
        return {privilege for (privilege,) in rows}


def apply(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(BY_NAME.sql)


@pytest.fixture
def stranger(database: TestDatabase) -> Iterator[str]:
    """A login of somebody else's on the same server."""
    with database.superuser() as superuser:
        superuser.execute("CREATE ROLE stranger LOGIN PASSWORD 'pw'")
        yield "stranger"
        superuser.execute("DROP ROLE stranger")


def test_nothing_is_everybody_s(database: TestDatabase) -> None:
    assert of_public(database) == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_enters_by_name_and_makes_nothing_temporary(
    database: TestDatabase, role: str
) -> None:
    with database.as_role(role) as connection:
        with pytest.raises(InsufficientPrivilege, match="temporary tables"):
            connection.execute("CREATE TEMPORARY TABLE made (n int)")
        row = connection.execute(
            "SELECT has_database_privilege(current_database(), 'CONNECT'),"
            " has_database_privilege(current_database(), 'TEMPORARY'),"
            " has_database_privilege(current_database(), 'CREATE')"
        ).fetchone()
    assert row == (True, False, False)


def test_a_login_of_somebody_else_s_is_not_let_in(database: TestDatabase, stranger: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database.owner_url)["dbname"]
    url = database.server.url(user=stranger, password="pw", database=str(name))
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url)


@pytest.mark.usefixtures("stranger")
def test_who_came_in_before_is_not_locked_out(empty_database: TestDatabase) -> None:
    apply(empty_database)
    assert of_public(empty_database) == {"CONNECT"}


def test_a_database_that_is_shared_is_left_to_those_who_share_it(
    empty_database: TestDatabase,
) -> None:
    with empty_database.superuser() as superuser:
        superuser.execute("CREATE TABLE public.theirs (n int)")
    apply(empty_database)
    assert of_public(empty_database) == {"CONNECT", "TEMPORARY"}


def test_an_extension_s_views_are_nobody_s_tables(empty_database: TestDatabase) -> None:
    with empty_database.superuser() as superuser:
        superuser.execute("CREATE EXTENSION vector")
        superuser.execute("CREATE VIEW public.statistics AS SELECT 1 AS n")
        superuser.execute("ALTER EXTENSION vector ADD VIEW public.statistics")
    apply(empty_database)
    assert of_public(empty_database) == set()
