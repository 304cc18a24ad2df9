"""Every SQL block of a runbook runs as its reader runs it: as the database's owner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.architecture.subprocesses import ROOT

if TYPE_CHECKING:
    from tests.integration.testdatabase import TestDatabase

BLOCKS = [
    (page.stem, block)
    for page in sorted((ROOT / "runbooks").rglob("*.md"))
    for block in re.findall(r"```sql\n(.*?)```", page.read_text(), re.DOTALL)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[page for page, _ in BLOCKS])
def test_a_runbook_s_sql_is_allowed_to_its_reader(
    database: TestDatabase, page: str, block: str
) -> None:
    statements = [one.strip() for one in block.split(";") if one.strip()]
    with psycopg.connect(database.owner_url) as connection:
        if statements[0] == "SET ROLE tillgate_owner":
            connection.execute(statements.pop(0).encode())
        for statement in statements:
            assert connection.execute(statement.encode()).description is not None, page
        connection.rollback()
