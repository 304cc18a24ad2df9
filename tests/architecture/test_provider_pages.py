"""Every vendor has its page, which agrees with the code and tells nothing that is not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from stacks.log_queries import QUERIES
from tests.architecture.pages import commands, fenced, unknown_in
from tests.architecture.subprocesses import ROOT
from tillgate.domain.quarantine import Reason
from tillgate.entrypoints.docs.vendors import VENDORS
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docs" / "providers"
README = FOLDER / "README.md"
PAGES = {page.stem: page for page in sorted(FOLDER.glob("*.md")) if page != README}
RULES = {name: provider.retries for name, provider in PROVIDERS.items()}
HEADINGS = [
    "What to click at the vendor",
    "The commands here",
    "What we verify",
    "What we store",
    "What we answer, and by when",
    "Quirks",
    "When it goes wrong",
]
# Longer is not read in an afternoon.
MAX_LINES = 100
EXPECTED = set(PROVIDERS) | set(RULES)

every_page = pytest.mark.parametrize("page", [README, *PAGES.values()], ids=lambda page: page.stem)
each_vendor = pytest.mark.parametrize("name", PAGES)
each_built = pytest.mark.parametrize("name", sorted(VENDORS))


def section(name: str, heading: str) -> str:
    """Give a part of a vendor's page, with every line's end a space."""
    part = PAGES[name].read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return " ".join(part.split())


def row(name: str) -> str:
    """Give the vendor's row of the table of all."""
    return next(
        line
        for line in README.read_text().splitlines()
        if line.startswith("| [") and f"({name}.md)" in line
    )


def test_every_vendor_has_a_page_and_every_page_its_vendor() -> None:
    assert set(PAGES) == EXPECTED


def test_the_table_has_every_vendor_once() -> None:
    assert sorted(
        re.findall(r"^\| \[.*?\]\(([a-z]+)\.md\)", README.read_text(), re.MULTILINE)
    ) == sorted(EXPECTED)


@each_vendor
def test_a_page_says_the_same_things_in_the_same_order(name: str) -> None:
    lines = PAGES[name].read_text().splitlines()

    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == HEADINGS
    assert all(section(name, heading) for heading in HEADINGS)
    assert len(lines) <= MAX_LINES


@each_vendor
def test_a_page_cites_the_vendors_own_rules_and_says_its_deadline(name: str) -> None:
    rules = RULES[name]
    answer = section(name, "What we answer, and by when")
    waits = (
        "publishes no deadline" if rules.answer_seconds is None else f" {rules.answer_seconds} s"
    )
    cell = "not published" if rules.answer_seconds is None else f"{rules.answer_seconds} s"

    assert f"]({rules.documents})" in PAGES[name].read_text()
    assert waits in answer
    assert f"| {cell} |" in row(name)


@each_vendor
def test_a_page_and_the_table_name_the_same_key(name: str) -> None:
    key = re.search(rf"`{name}:[^`]+`", section(name, "What we store"))

    assert key is not None
    assert f"| {key[0]} |" in row(name)


@each_built
def test_a_page_agrees_with_what_senders_are_told(name: str) -> None:
    told = VENDORS[name]
    page = PAGES[name].read_text()

    assert f"]({told.reference})" in page
    assert [header for header, _ in told.headers if header.lower() not in page.lower()] == []


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_an_app_is_only_advised_where_the_merchant_is_signed(name: str) -> None:
    lines = [line for block in fenced(PAGES[name]) for line in block.splitlines()]
    advised = any(line.startswith("tillgate app add ") for line in lines)

    assert PROVIDERS[name].signs_merchant or not advised


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_page_says_whether_there_is_a_handshake(name: str) -> None:
    says_none = "There is no handshake" in section(name, "What to click at the vendor")

    assert says_none is not PROVIDERS[name].has_handshake


@each_vendor
def test_a_page_shows_how_to_add_a_source_and_what_was_set_aside(name: str) -> None:
    typed = [words[1:4] for words in commands(PAGES[name])]

    assert any(words[:2] == ["source", "add"] for words in typed)
    assert ["onboard", "TENANT", name] in typed
    assert f"tillgate quarantine list --provider {name}`" in section(name, "When it goes wrong")


@every_page
def test_every_command_on_a_page_exists(page: Path) -> None:
    assert fenced(page)
    assert [problem for words in commands(page) if (problem := unknown_in(words))] == []


@each_vendor
def test_every_command_on_a_page_is_for_its_own_vendor(name: str) -> None:
    vendors = {
        word
        for words in commands(PAGES[name])
        for word in words[2:]
        if word in EXPECTED and word != name
    }

    assert vendors == set()


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())
    local = [link.partition("#")[0] for link in links if "://" not in link]

    assert [link for link in links if "://" in link and not link.startswith("https://")] == []
    assert [link for link in local if not (page.parent / link).is_file()] == []


@every_page
def test_every_query_that_is_named_is_saved(page: Path) -> None:
    named = set(re.findall(r"[Qq]uery\s+`([^`]+)`", page.read_text()))

    assert named - {query.name for query in QUERIES} == set()


@every_page
def test_every_reason_that_is_named_is_one(page: Path) -> None:
    words = r"`((?:signature|unknown|merchant|key|conflict|tenant|token)-[a-z-]+)`"

    assert set(re.findall(words, page.read_text())) - {*Reason} == set()


def test_the_reasons_of_a_vendors_delivery_are_all_explained() -> None:
    # A token is the first-party API's.
    explained = {reason for reason in Reason if f"`{reason}`" in README.read_text()}

    assert explained == {*Reason} - {Reason.TOKEN_REVOKED}


@each_vendor
def test_a_page_says_how_a_secret_in_use_is_rotated(name: str) -> None:
    told = section(name, "The commands here").partition("**Rotation.** ")[2]

    assert re.search(r"`tillgate (source|app) rotate (SOURCE|APP)_ID`", told)
