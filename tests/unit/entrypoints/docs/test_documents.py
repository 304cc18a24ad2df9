from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.unit.entrypoints.api_function import ApiFunction
from tillgate.entrypoints.docs.problems import PROBLEMS
from tillgate.entrypoints.docs.vendors import VENDORS
from tillgate.entrypoints.routes import ROUTES


class Page(HTMLParser):
    """What a page refers to, and what has no place in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src"}:
                self.links.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")


@pytest.fixture(scope="module")
def html() -> str:
    return ApiFunction().call("GET", "/docs").text


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_page_is_for_everyone_and_runs_nothing(page: Page) -> None:
    assert not page.inline
    assert "script" not in page.tags
    assert "style" not in page.tags


@pytest.mark.parametrize(("serves_tls", "upgrades"), [(True, True), (False, False)])
def test_policy_admits_this_origin_alone(*, serves_tls: bool, upgrades: bool) -> None:
    answer = ApiFunction(serves_tls=serves_tls).call("GET", "/docs")

    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in policy
    assert not [part for part in policy if "unsafe" in part]
    assert ("upgrade-insecure-requests" in policy) is upgrades


def test_links_lead_somewhere_under_any_prefix(page: Page) -> None:
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        elif not link.startswith("https://"):
            assert f"/{link}" in ROUTES
    assert len(page.ids) == len(set(page.ids))


def test_every_problem_has_its_anchor(page: Page) -> None:
    assert {f"problem-{kind}" for kind in (*PROBLEMS, "internal")} <= set(page.ids)


def test_every_vendor_and_every_call_is_explained(page: Page, html: str) -> None:
    assert {f"vendor-{name}" for name in VENDORS} <= set(page.ids)
    for path in ROUTES:
        assert f"<code>{path}</code>" in html


def test_commands_can_be_pasted(html: str) -> None:
    commands = re.findall(r"<code>(curl .*?)</code>", html, re.DOTALL)

    assert len(commands) >= len(ROUTES)
    for command in commands:
        assert command.count("&#39;") % 2 == 0
        assert "{" not in command.partition("-d ")[0]


def test_stylesheet_is_served_and_holds_both_schemes() -> None:
    answer = ApiFunction().call("GET", "/docs/style.css")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "prefers-color-scheme: dark" in answer.text
    assert "url(" not in answer.text
