"""Each line of the threat model is held by tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.architecture.subprocesses import ROOT

PAGE = ROOT / "docs" / "threat-model.md"
HEADINGS = ["Threat", "What stops it", "Held by", "Not covered"]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def threats() -> list[list[str]]:
    """Give the rows of every table that is headed as a threat's."""
    rows, inside = [], False
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            inside = False
        elif cells(line) == HEADINGS:
            inside = True
        elif inside and not line.startswith("|---"):
            rows.append(cells(line))
    return rows


@cache
def functions_of(path: str) -> frozenset[str]:
    """Give the names of a file's test functions, or nothing where there is no such file."""
    if not (ROOT / path).is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("row", threats(), ids=lambda row: row[0][:50])
def test_a_threat_is_held_by_tests_that_exist(row: list[str]) -> None:
    assert len(row) == len(HEADINGS)
    threat, stopped_by, held_by, _ = row
    named = TEST.findall(held_by)

    assert threat
    assert stopped_by
    assert named, "no test is named"
    assert [f"{path}::{name}" for path, name in named if name not in functions_of(path)] == []
    # Whatever else stands there would be no test and be taken for one.
    assert TEST.sub("", held_by).strip() == ""


def test_the_page_has_its_threats() -> None:
    assert len(threats()) > 30
