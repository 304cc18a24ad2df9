"""Who may import whom: pyproject's contracts, and what they cannot say of ``functions/``."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.subprocesses import FUNCTIONS, LAYER, ROOT, run_python

LINT_IMPORTS = """
import sys
from importlinter.cli import lint_imports

sys.exit(lint_imports(no_cache=True))
"""
# DESIGN.md: functions see entrypoints, bootstrap and services, and never each other.
SEEN_BY_FUNCTIONS = ("tillgate.bootstrap", "tillgate.entrypoints.", "tillgate.services.")
STANDARD = {"__future__", "typing", "collections.abc", "gc"}


def test_the_import_contracts_are_kept() -> None:
    report = run_python(LINT_IMPORTS, env={"PYTHONPATH": f"{LAYER}:{ROOT}"})

    assert "0 broken" in report


def imported(function: str) -> set[str]:
    tree = ast.parse((ROOT / "functions" / function / "handler.py").read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            module = str(node.module)
            names |= (
                {f"tillgate.{alias.name}" for alias in node.names}
                if module == "tillgate"
                else {module}
            )
    return names


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_sees_the_composition_root_and_entrypoints_only(function: str) -> None:
    strangers = {
        name
        for name in imported(function)
        if name not in STANDARD and not name.startswith(SEEN_BY_FUNCTIONS)
    }

    assert strangers == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_is_thin(function: str) -> None:
    assert len((ROOT / "functions" / function / "handler.py").read_text().splitlines()) <= 40
