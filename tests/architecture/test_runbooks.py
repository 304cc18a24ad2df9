"""Every alert has its runbook, and what a runbook tells to type or to look at exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from stacks.alerts import ALERTS, BY_NAME
from stacks.dashboards.platform import platform_board
from stacks.dashboards.tenant import tenant_board
from stacks.log_queries import QUERIES
from tests.architecture.pages import commands, fenced, unknown_in
from tests.architecture.subprocesses import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RUNBOOKS = ROOT / "runbooks"
PAGES = sorted((RUNBOOKS / "alerts").glob("*.md"))
README = RUNBOOKS / "README.md"
# What is done when nothing is broken.
ERRANDS = sorted(set(RUNBOOKS.glob("*.md")) - {README})
HEADINGS = [
    "What it means",
    "Who is hurt, and since when",
    "Three things to look at",
    "How to mend it",
    "How to know that it is mended",
    "When to wake somebody else",
]
# A page of paper, at night.
MAX_LINES = 60
SUBJECTS = {
    panel.subject
    for board in (platform_board(has_cluster=True), tenant_board(per_tenant_metrics=True))
    for panel in board.panels
}


def text_of(page: Path) -> str:
    """Give a page in which a line's end is a space, but for fenced blocks."""
    return re.sub(r"(?<![\n`])\n +(?=\S)|(?<![\n`:])\n(?=[^\s`#|\-\d])", " ", page.read_text())


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {f"runbooks/alerts/{page.name}" for page in PAGES} == {a.runbook for a in ALERTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_says_the_same_things_in_the_same_order(page: Path) -> None:
    lines = page.read_text().splitlines()

    assert lines[0] == f"# {page.stem}"
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= MAX_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_there_are_three_things_to_look_at(page: Path) -> None:
    part = page.read_text().partition(f"## {HEADINGS[2]}")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. ", part, re.MULTILINE) == ["1", "2", "3"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_names_the_numbers_of_its_alert(page: Path) -> None:
    meaning = text_of(page).partition("\n## Who is hurt")[0]
    for condition in BY_NAME[page.stem].conditions:
        value = condition.threshold
        if value not in (0, 1):
            forms = {
                f"{value:g} {condition.unit}", f"{value:g} ", f"{value * 100:g} %",
                f"{value / 60:g} minutes", f"{value / 1000:g} s",
            }  # fmt: skip
            assert any(form in meaning for form in forms), condition


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("tillgate doctor", None),
        ("tillgate deadletter plan --tenant TENANT", None),
        ("tillgate tenant conjure TENANT", "no command tillgate tenant conjure TENANT"),
        ("tillgate deadletter", "no command tillgate deadletter"),
        ("tillgate doctor --hard", "no option --hard of tillgate doctor --hard"),
    ],
)
def test_a_command_that_there_is_not_is_told(call: str, problem: str | None) -> None:
    assert unknown_in(call.split()) == problem


@pytest.mark.parametrize("page", [README, *ERRANDS, *PAGES], ids=lambda page: page.stem)
def test_every_command_on_a_page_exists(page: Path) -> None:
    assert [problem for words in commands(page) if (problem := unknown_in(words))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_something_to_type(page: Path) -> None:
    assert fenced(page)


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_every_query_that_is_named_is_saved(page: Path) -> None:
    named = set(re.findall(r"[Qq]uery\s+`([^`]+)`", page.read_text()))
    assert named - {query.name for query in QUERIES} == set()
    assert named or page == README


@pytest.mark.parametrize("page", [README, *PAGES, *ERRANDS], ids=lambda page: page.stem)
def test_every_widget_that_is_named_is_on_a_dashboard(page: Path) -> None:
    named = set(re.findall(r"[Ww]idget\s+`([^`]+)`", page.read_text()))
    assert named - SUBJECTS == set()


@pytest.mark.parametrize("page", [README, *PAGES, *ERRANDS], ids=lambda page: page.stem)
def test_every_page_that_is_linked_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+\.md)(?:#[\w-]+)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_the_list_of_runbooks_is_whole() -> None:
    linked = re.findall(r"\]\(alerts/([\w-]+)\.md\)", README.read_text())
    assert sorted(linked) == sorted(BY_NAME)


def test_the_list_says_for_which_alerts_somebody_is_woken() -> None:
    rows = re.findall(r"^\|([^|]*)\|([^|]*)\|$", README.read_text(), re.MULTILINE)
    columns = [
        {name for row in rows for name in re.findall(r"alerts/([\w-]+)\.md", row[column])}
        for column in (0, 1)
    ]
    assert columns == [
        {alert.name for alert in ALERTS if alert.severity == severity}
        for severity in ("page", "ticket")
    ]


def test_every_task_s_page_is_linked() -> None:
    linked = re.findall(r"\]\(([\w-]+\.md)\)", README.read_text())
    assert ERRANDS
    assert {page.name for page in ERRANDS} <= set(linked)
