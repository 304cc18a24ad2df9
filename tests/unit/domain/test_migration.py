from __future__ import annotations

import pytest

from tillgate.domain.migration import Migration, MigrationError, check_numbering, to_apply


def migration(number: int, sha256: str = "same") -> Migration:
    return Migration(number, f"{number:04}_x.sql", b"SELECT 1", sha256)


ONE, TWO, THREE = migration(1), migration(2), migration(3)


def test_all_are_missing_from_an_empty_database() -> None:
    assert to_apply([ONE, TWO], {}) == [ONE, TWO]


def test_only_what_is_missing_is_applied() -> None:
    assert to_apply([ONE, TWO, THREE], {1: "same", 2: "same"}) == [THREE]


def test_a_newer_version_s_migrations_are_left_alone() -> None:
    assert to_apply([ONE], {1: "same", 2: "from a newer version"}) == []


def test_an_edited_migration_is_refused_by_name() -> None:
    with pytest.raises(MigrationError, match=r"0001_x\.sql was edited"):
        to_apply([migration(1, "edited"), TWO], {1: "same"})


@pytest.mark.parametrize(
    "migrations", [[TWO], [ONE, THREE], [ONE, ONE], [TWO, ONE], [migration(0), ONE]]
)
def test_numbers_without_a_gap_are_asked_for(migrations: list[Migration]) -> None:
    with pytest.raises(MigrationError, match="should have number"):
        check_numbering(migrations)
