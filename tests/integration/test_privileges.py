"""What each runtime role can do, tried on everything the catalogue has."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from tests.integration.privileges import (
    ALLOWED_FUNCTIONS,
    ALLOWED_ON_TABLES,
    OWNER,
    WITHOUT_ROW_SECURITY,
    Allowed,
)
from tests.integration.testdatabase import ROLES

if TYPE_CHECKING:
    from tests.integration.testdatabase import Connection, TestDatabase

# One statement that needs the privilege and no other; each is undone.
COMMANDS: dict[str, LiteralString] = {
    "SELECT": "SELECT 1 FROM tillgate.{table} LIMIT 0",
    "INSERT": "INSERT INTO tillgate.{table} DEFAULT VALUES",
    "UPDATE": "UPDATE tillgate.{table} SET {column} = DEFAULT WHERE false",
    "DELETE": "DELETE FROM tillgate.{table} WHERE false",
    "TRUNCATE": "TRUNCATE tillgate.{table}",
    "COPY TO": "COPY tillgate.{table} TO STDOUT",
    "LOCK": "LOCK TABLE tillgate.{table} IN ACCESS EXCLUSIVE MODE",
    "ALTER": "ALTER TABLE tillgate.{table} DISABLE ROW LEVEL SECURITY",
    "DROP": "DROP TABLE tillgate.{table}",
}
# What an allowed privilege also lets do: whoever may delete every row may lock them all.
IMPLIED = {"COPY TO": "SELECT", "LOCK": "DELETE"}

_TABLES = """
    SELECT c.relname, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
        pg_get_userbyid(c.relowner),
        (SELECT a.attname FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum LIMIT 1)
    FROM pg_class AS c
    WHERE c.relnamespace = 'tillgate'::regnamespace AND c.relkind NOT IN ('i', 'I', 't')
    ORDER BY c.relname
"""
_TABLE_GRANTS = """
    SELECT coalesce(r.rolname, 'PUBLIC'), c.relname, g.privilege_type, NULL
    FROM pg_class AS c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS g
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE c.relnamespace = 'tillgate'::regnamespace AND g.grantee <> c.relowner
    UNION ALL
    SELECT coalesce(r.rolname, 'PUBLIC'), c.relname, g.privilege_type, a.attname
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid, aclexplode(a.attacl) AS g
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE c.relnamespace = 'tillgate'::regnamespace AND g.grantee <> c.relowner
"""
_FUNCTION_GRANTS = """
    SELECT replace(p.oid::regprocedure::text, 'tillgate.', ''), coalesce(r.rolname, 'PUBLIC')
    FROM pg_proc AS p
    LEFT JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g ON true
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE p.pronamespace = 'tillgate'::regnamespace
"""
_FUNCTIONS = """
    SELECT p.proname, p.prosecdef, p.prosqlbody IS NOT NULL, p.proconfig,
        pg_get_userbyid(p.proowner)
    FROM pg_proc AS p WHERE p.pronamespace = 'tillgate'::regnamespace
"""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_do_to_each_table_and_partition_what_is_listed_and_no_more(
    database: TestDatabase, role: str
) -> None:
    with database.superuser() as superuser:
        tables = [(name, column) for name, *_, column in superuser.execute(_TABLES)]
    assert len(tables) > 40, "the partitions are among them"
    allowed = {(a.table, a.command) for a in ALLOWED_ON_TABLES if a.role == role}
    could: set[tuple[str, str]] = set()
    with database.as_role(role) as connection:
        for table, column in tables:
            columns = [a.column for a in ALLOWED_ON_TABLES if a[:3] == (role, table, "UPDATE")]
            for command, statement in COMMANDS.items():
                query = sql.SQL(statement).format(
                    table=sql.Identifier(table),
                    column=sql.Identifier(next((c for c in columns if c), column)),
                )
                if is_allowed(connection, query):
                    could.add((table, IMPLIED.get(command, command)))
    assert could == allowed


def is_allowed(connection: Connection, query: sql.Composed) -> bool:
    """Try a statement and undo it. One that fails, but not for a privilege, was allowed."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL lock_timeout = '5s'")
            if query.as_string().startswith("COPY"):
                with connection.cursor().copy(query) as copy:
                    list(copy)
            else:
                connection.execute(query)
    except InsufficientPrivilege:
        return False
    except psycopg.Error:
        return True
    return True


def test_grants_on_tables_and_columns_are_exactly_those_listed(database: TestDatabase) -> None:
    with database.superuser() as superuser:
        granted = {
            Allowed(role.removeprefix("tillgate_"), table, command, column)
            for role, table, command, column in superuser.execute(_TABLE_GRANTS)
        }
    assert granted == ALLOWED_ON_TABLES


def test_every_table_and_partition_enables_and_forces_row_security(database: TestDatabase) -> None:
    with database.superuser() as superuser:
        tables = {name: flags for name, _, *flags, _, _ in superuser.execute(_TABLES)}
    assert tables["ingest_key"] == [True, True]
    open_to_all = {name for name, flags in tables.items() if flags != [True, True]}
    assert open_to_all == WITHOUT_ROW_SECURITY


def test_every_policy_names_its_roles(database: TestDatabase) -> None:
    with database.superuser() as superuser:
        for_all = superuser.execute(
            "SELECT tablename, policyname FROM pg_policies"
            " WHERE schemaname = 'tillgate' AND 'public' = ANY (roles)"
        ).fetchall()
    assert for_all == []


def test_everything_belongs_to_the_owner_whom_nobody_can_log_in_as(
    database: TestDatabase,
) -> None:
    with database.superuser() as superuser:
        owners = {owner for *_, owner, _ in superuser.execute(_TABLES)}
        owners |= {owner for *_, owner in superuser.execute(_FUNCTIONS)}
        attributes = superuser.execute(
            "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
            " FROM pg_roles WHERE rolname = %s",
            (OWNER,),
        ).fetchone()
    assert owners == {OWNER}
    assert attributes == (False,) * 6


def test_execute_is_granted_as_listed_and_never_to_public(database: TestDatabase) -> None:
    granted: dict[str, set[str]] = {}
    with database.superuser() as superuser:
        for function, grantee in superuser.execute(_FUNCTION_GRANTS):
            granted.setdefault(function, set()).add(grantee)
    assert granted == {
        function: {OWNER, *(f"tillgate_{role}" for role in roles)}
        for function, roles in ALLOWED_FUNCTIONS.items()
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_function_that_is_not_granted_is_refused(database: TestDatabase, role: str) -> None:
    with database.as_role(role) as connection:
        for function, roles in ALLOWED_FUNCTIONS.items():
            name, _, parameters = function.rstrip(")").partition("(")
            # From no row at all, so that none is called; not a bare NULL, for which a strict
            # function would be left out of the plan.
            nulls = ", ".join(f"(SELECT NULL::{one})" for one in parameters.split(",") if one)
            query = sql.SQL("SELECT tillgate.{}({}) FROM (SELECT 1 LIMIT 0) AS none").format(
                sql.Identifier(name),
                sql.SQL(nulls),  # From the list, not from a caller.
            )
            assert is_allowed(connection, query) is (role in roles), function


@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_become_no_other_and_has_no_power(database: TestDatabase, role: str) -> None:
    name = f"tillgate_{role}"
    with database.superuser() as superuser:
        others = [
            other
            for (other,) in superuser.execute(
                "SELECT rolname FROM pg_roles WHERE rolname <> %s", (name,)
            )
        ]
        attributes = superuser.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit"
            " FROM pg_roles WHERE rolname = %s",
            (name,),
        ).fetchone()
        memberships = superuser.execute(
            "SELECT roleid::regrole FROM pg_auth_members WHERE member = %s::regrole", (name,)
        ).fetchall()
    assert attributes == (False,) * 6
    assert memberships == []
    assert {OWNER, "postgres", "deployer"} < set(others)
    with database.as_role(role) as connection:
        for other in others:
            for change in (sql.SQL("SET ROLE {}"), sql.SQL("SET SESSION AUTHORIZATION {}")):
                query = change.format(sql.Identifier(other))
                assert not is_allowed(connection, query), other


MAKING: dict[str, LiteralString] = {
    "table": "CREATE TABLE {schema}.made (n int)",
    "view": "CREATE VIEW {schema}.made AS SELECT 1 AS n",
    "sequence": "CREATE SEQUENCE {schema}.made",
    "type": "CREATE TYPE {schema}.made AS (n int)",
    "function": "CREATE FUNCTION {schema}.made() RETURNS int LANGUAGE sql RETURN 1",
    "operator": "CREATE OPERATOR {schema}.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
}
MAKING_ELSEWHERE: dict[str, LiteralString] = {
    "schema": "CREATE SCHEMA made",
    "extension": "CREATE EXTENSION vector",
    "role": "CREATE ROLE made",
    "publication": "CREATE PUBLICATION made FOR ALL TABLES",
    "event trigger": "CREATE EVENT TRIGGER made ON sql_drop EXECUTE FUNCTION suppress_redundant_"
    "updates_trigger()",
    "setting": "SET session_replication_role = replica",
    "password of another": "ALTER ROLE tillgate_admin PASSWORD 'x'",
    "row security off": "ALTER TABLE tillgate.event NO FORCE ROW LEVEL SECURITY",
    "file": "COPY (SELECT 1) TO PROGRAM 'true'",
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_make_nothing(database: TestDatabase, role: str) -> None:
    with database.as_role(role) as connection:
        for schema in ("tillgate", "public", "pg_catalog"):
            for what, statement in MAKING.items():
                query = sql.SQL(statement).format(schema=sql.Identifier(schema))
                assert not is_allowed(connection, query), f"{what} in {schema}"
        for what, statement in MAKING_ELSEWHERE.items():
            if (role, what) != ("admin", "password of another"):
                assert not is_allowed(connection, sql.SQL(statement).format()), what


def test_every_function_is_bound_to_what_it_names(database: TestDatabase) -> None:
    with database.superuser() as superuser:
        functions = superuser.execute(_FUNCTIONS).fetchall()
    assert {name for name, is_definer, *_ in functions if is_definer} >= {"accept", "find_token"}
    for name, is_definer, is_parsed, settings, _ in functions:
        pinned = "search_path=pg_catalog, pg_temp" in (settings or [])
        assert pinned if is_definer else (pinned or is_parsed), name


def test_temporary_tables_do_not_lead_a_definer_function_astray(
    own_database: TestDatabase,
) -> None:
    """Where the database is shared, PUBLIC may make them; so it may in a copy of ours."""
    tenant = own_database.add_tenant("astray")
    item = {
        "key": "api:k", "fingerprint": "00" * 32, "type": "order.created", "data": "{}",
        "received_at": "2026-11-23T10:00:00Z",
    }  # fmt: skip
    with own_database.superuser() as superuser, own_database.as_role("ingest") as ingest:
        for table in ("ingest_key", "event", "delivery", "tenant", "api_token", "quarantine"):
            superuser.execute(sql.SQL("SELECT 1 FROM tillgate.{}").format(sql.Identifier(table)))
            ingest.execute(sql.SQL("CREATE TEMP TABLE {} (n int)").format(sql.Identifier(table)))
        ingest.execute(
            "CREATE FUNCTION pg_temp.json_to_recordset(json) RETURNS SETOF record"
            " LANGUAGE plpgsql AS $$BEGIN RAISE 'astray'; END$$"
        )
        ingest.execute("SET search_path = pg_temp, tillgate, pg_catalog")
        row = ingest.execute(
            "SELECT tillgate.accept(%s, %s)", (tenant, json.dumps([item]))
        ).fetchone()
        ingest.execute(
            "SELECT tillgate.accept_event("
            "%s, 'api:one', sha256('x'), NULL, 't', NULL, NULL, NULL, '{}', now())",
            (tenant,),
        )
        ingest.execute(
            "SELECT tillgate.accept_event("
            "%s, 'api:two', sha256('x'), NULL, 't', NULL, NULL, NULL, '{}', now(), %s)",
            (tenant, "8" * 16),
        )
        ingest.execute(
            "SELECT tillgate.quarantine_put("
            "%s, NULL, NULL, 'p', 'r', 'rid', now(), now(), '', 9, 9)",
            (uuid.uuid4(),),
        )
        assert ingest.execute("SELECT * FROM tillgate.find_token('x')").fetchall() == []
        stored = superuser.execute(
            "SELECT count(*) FROM tillgate.event WHERE tenant_id = %s", (tenant,)
        ).fetchone()
    assert row is not None
    assert row[0][0]["outcome"] == "new"
    assert stored == (3,)
