"""Signing in to the admin page, by a browser that keeps one cookie."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.unit.entrypoints.api_function import OPERATOR, ApiFunction
from tillgate.domain.audit import BY_ITSELF
from tillgate.entrypoints.admin_page import COOKIE
from tillgate.services.sign_in import SESSION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.entrypoints.api_function import Answer

FORM = "application/x-www-form-urlencoded"


class Browser:
    """Keeps the session's cookie, as one that follows RFC 6265 would."""

    def __init__(self, function: ApiFunction) -> None:
        self.function = function
        self.cookie: str | None = None

    def get(self, path: str = "/admin") -> Answer:
        return self.function.call("GET", path, headers=self._headers())

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        sent = {**self._headers(), "content-type": FORM}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.function.call("POST", path, headers=sent, raw_body=urlencode(fields).encode())
        for cookie in answer.response.get("cookies", []):
            self.cookie = re.match(rf"{COOKIE}=([^;]*)", cookie)[1] or None  # type: ignore[index]  # It is ours.
        return answer

    def sign_in(self, token: str = "operator") -> Answer:  # noqa: S107  Made up.
        return self.post("/admin/login", {"password": token})

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.get().text)
        assert found is not None
        return found[1]

    def _headers(self) -> dict[str, str]:
        headers = {"accept": "text/html,*/*"}
        return headers if self.cookie is None else headers | {"cookie": f"{COOKIE}={self.cookie}"}


@pytest.fixture
def function() -> ApiFunction:
    return ApiFunction()


@pytest.fixture
def browser(function: ApiFunction) -> Browser:
    return Browser(function)


def is_form(answer: Answer) -> bool:
    return '<input id="password" name="password" type="password"' in answer.text


def test_whoever_is_not_signed_in_sees_the_form_alone(browser: Browser) -> None:
    answer = browser.get()

    assert (answer.status, is_form(answer)) == (200, True)
    assert "Dead letters" not in answer.text


def test_right_token_opens_the_page(browser: Browser) -> None:
    answer = browser.sign_in()

    assert (answer.status, answer.headers["Location"]) == (303, "../admin")
    assert "Dead letters" in browser.get().text


def test_who_signs_in_is_who_acts(browser: Browser) -> None:
    browser.sign_in()
    acting = browser.function.audit.acting
    browser.function.audit.begin(BY_ITSELF)
    browser.get()

    assert browser.function.audit.acting.actor == acting.actor
    assert acting.actor.id == f"sha256:{hashlib.sha256(b'operator').hexdigest()[:8]}"


def test_cookie_is_for_this_host_over_tls_and_for_no_script(browser: Browser) -> None:
    [cookie] = browser.sign_in().response["cookies"]

    assert cookie.startswith("__Host-")
    assert {"Path=/", "HttpOnly", "Secure", "SameSite=Strict", f"Max-Age={SESSION_SECONDS}"} <= set(
        cookie.split("; ")
    )


def test_neither_the_token_nor_the_cookie_is_stored(browser: Browser) -> None:
    browser.sign_in()

    assert browser.cookie is not None
    kept = repr(browser.function.sessions.sessions)
    assert browser.cookie not in kept
    assert "'operator'" not in kept


@pytest.mark.parametrize("token", ["", "operato", "operatoR", "tg_live_mine", "é" * 100])
def test_wrong_token_opens_nothing(browser: Browser, token: str) -> None:
    answer = browser.sign_in(token)

    assert (answer.status, is_form(answer), browser.cookie) == (401, True, None)
    assert f'"{token}"' not in answer.text.replace('value=""', "")
    assert not browser.function.sessions.sessions


@pytest.mark.parametrize("cookie", ["", "x", "'", "a=b", "é", '"', "operator"])
def test_made_up_cookie_opens_nothing(browser: Browser, cookie: str) -> None:
    browser.cookie = cookie

    assert is_form(browser.get())


def test_after_ten_wrong_tokens_even_the_right_one_waits(browser: Browser) -> None:
    for _ in range(10):
        assert browser.sign_in("wrong").status == 401
    answer = browser.sign_in()

    assert (answer.status, answer.headers["Retry-After"]) == (429, "900")
    assert "Too many" in answer.text
    assert not browser.function.sessions.sessions


def test_right_token_ends_the_count(browser: Browser) -> None:
    for _ in range(3):
        for _ in range(9):
            browser.sign_in("wrong")
        assert browser.sign_in().status == 303


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(browser: Browser) -> None:
    browser.sign_in()
    stolen = Browser(browser.function)
    stolen.cookie = browser.cookie

    answer = browser.post("/admin/logout", {"csrf": browser.csrf()})

    assert (answer.status, browser.cookie) == (303, None)
    assert is_form(stolen.get())


@pytest.mark.parametrize("csrf", ["", "0" * 64, "é"])
def test_form_of_no_page_of_the_session_does_nothing(browser: Browser, csrf: str) -> None:
    browser.sign_in()

    answer = browser.post("/admin/logout", {"csrf": csrf})

    assert answer.status == 403
    assert not is_form(browser.get())


def test_form_of_another_session_does_nothing(browser: Browser) -> None:
    browser.sign_in()
    other = Browser(browser.function)
    other.sign_in()

    assert browser.post("/admin/logout", {"csrf": other.csrf()}).status == 403
    assert not is_form(browser.get())


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_page_signs_nobody_in(browser: Browser, site: str) -> None:
    answer = browser.post("/admin/login", {"password": "operator"}, sec_fetch_site=site)

    assert (answer.status, browser.cookie) == (403, None)


def test_session_ends_with_its_time(browser: Browser) -> None:
    browser.sign_in()
    browser.function.sessions.now += timedelta(seconds=SESSION_SECONDS)

    assert is_form(browser.get())
    assert browser.post("/admin/logout", {"csrf": ""}).status == 401


def test_session_ends_with_the_token_that_opened_it(browser: Browser) -> None:
    browser.sign_in()
    browser.function.operator_secret = json.dumps({"token": "another"})
    browser.function.now += 60

    assert is_form(browser.get())


def test_session_opens_the_page_and_not_the_api(browser: Browser, function: ApiFunction) -> None:
    browser.sign_in()
    headers = {"cookie": f"{COOKIE}={browser.cookie}"}

    assert function.call("GET", "/admin/api/status", headers=headers).status == 401
    assert function.call("GET", "/admin/api/status", headers=OPERATOR).status == 200


def test_token_as_bearer_is_no_session(function: ApiFunction) -> None:
    assert is_form(function.call("GET", "/admin", headers=OPERATOR))


def test_who_bookmarked_the_form_is_led_to_the_page(browser: Browser) -> None:
    answer = browser.get("/admin/login")

    assert (answer.status, answer.headers["Location"]) == (303, "../admin")


@pytest.mark.parametrize(("path", "base"), [("/admin", ""), ("/admin/login", "../")])
def test_links_lead_to_the_same_places_from_each_page(
    browser: Browser, path: str, base: str
) -> None:
    page = browser.get() if path == "/admin" else browser.sign_in("wrong")

    links = re.findall(r'(?:href|action)="([^"#]+)"', page.text)
    assert set(links) == {f"{base}docs/style.css", f"{base}admin/style.css", f"{base}admin/login"}


@pytest.mark.parametrize(("serves_tls", "upgrades"), [(True, True), (False, False)])
def test_policy_admits_this_origin_and_no_script(*, serves_tls: bool, upgrades: bool) -> None:
    browser = Browser(ApiFunction(serves_tls=serves_tls))
    for page in (browser.get(), browser.sign_in("wrong")):
        policy = page.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'self'", "form-action 'self'", "script-src 'none'"} <= set(policy)
        assert ("upgrade-insecure-requests" in policy) is upgrades
        assert "style=" not in page.text
        assert "<script" not in page.text


def test_database_that_is_down_is_said_as_a_page(browser: Browser) -> None:
    browser.function.sessions.is_down = True

    answer = browser.sign_in()

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "Tillgate cannot answer right now" in answer.text


def test_program_is_told_by_a_problem(function: ApiFunction) -> None:
    headers = {"content-type": "application/json"}

    answer = function.call("POST", "/admin/login", headers=headers, raw_body=b"{}")

    assert answer.problem == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"x" * 4097, 413), (b"\xff=\xff", 422), (b"&".join([b"a=b"] * 9), 422), (b"", 401)],
)
def test_what_no_form_sends_is_refused(function: ApiFunction, body: bytes, status: int) -> None:
    headers = {"content-type": f"{FORM}; charset=utf-8"}

    assert function.call("POST", "/admin/login", headers=headers, raw_body=body).status == status


def test_stylesheet_is_for_everyone(function: ApiFunction) -> None:
    answer = function.call("GET", "/admin/style.css")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
