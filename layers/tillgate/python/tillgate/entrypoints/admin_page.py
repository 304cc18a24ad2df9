"""``/admin`` in HTTP's words: HTML for a browser, behind a session.

Links and redirects are relative, so that it works under any path prefix. Nothing is scripted:
the policy admits this origin's own stylesheet and forms, and no script at all.
"""

from __future__ import annotations

from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tillgate.domain.errors import (
    Fault,
    FormRefusedError,
    InvalidRequestError,
    TillgateError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
)
from tillgate.domain.tenant import token_digest
from tillgate.entrypoints.acting import operator_acting_by
from tillgate.entrypoints.http import response
from tillgate.entrypoints.json_body import limited_body
from tillgate.entrypoints.observability import note
from tillgate.entrypoints.problems import problem, problem_headers
from tillgate.services.sign_in import SESSION_SECONDS, is_own_form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.audit import Acting
    from tillgate.domain.sessions import Session
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.sign_in import SignIn
    from tillgate.services.status import CheckStatus

# The prefix makes browsers take it only with Secure and for this host alone (RFC 6265bis). They
# take Secure cookies from localhost without TLS; other clients must be told to send it there.
COOKIE = "__Host-tillgate"
_COOKIE_RULES = "Path=/; HttpOnly; Secure; SameSite=Strict"
_POLICY = (
    "default-src 'self'; script-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
_STYLESHEET = Path(__file__).parent / "page" / "style.css"
_MAX_FORM_BYTES = 4096
_FORM = "application/x-www-form-urlencoded"
_HTML = "text/html; charset=utf-8"
# What a browser says of a form that another site's page sent.
_OTHER_SITES = frozenset({"cross-site", "same-site"})


class AdminPage:
    """Answers the operator's browser, and shows everyone else the form to sign in."""

    def __init__(
        self,
        sign_in: SignIn,
        *,
        check_status: CheckStatus,
        stage: str,
        version: str,
        serves_tls: bool,
        begin: Callable[[Acting], None] = lambda _acting: None,
    ) -> None:
        """``begin`` is told who acts, before anything is done."""
        self._sign_in = sign_in
        self._begin = begin
        self._check_status = check_status
        self._deployment = {"stage": stage, "version": version}
        self._policy = f"{_POLICY}; upgrade-insecure-requests" if serves_tls else _POLICY

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        return {
            "GET /admin": self._guarded(self._overview),
            "GET /admin/login": self._to_start,
            "POST /admin/login": self._shown(self._log_in),
            "POST /admin/logout": self._guarded(self._log_out),
            "GET /admin/style.css": self._style,
        }

    def _overview(self, call: Call, session: Session) -> LambdaResponse:
        from tillgate.entrypoints.page.rendering import status_rows  # noqa: PLC0415  jinja2, for pages only.

        rows = status_rows(self._check_status.run())
        return self._page(call, 200, "overview.html.j2", session=session, rows=rows)

    def _log_in(self, call: Call) -> LambdaResponse:
        if call.request.headers.get("sec-fetch-site") in _OTHER_SITES:
            raise FormRefusedError("Sign in from the page itself.")
        digest = token_digest(_form(call).get("password", "").strip())
        self._begin(operator_acting_by(digest, call.request, call.source_address))
        try:
            cookie, _ = self._sign_in.sign_in(digest, address=call.source_address)
        except UnauthenticatedError as error:
            note(call.log, error)
            return self._login_page(call, 401, fault=str(error))
        call.log.outcome = "signed_in"
        return self._to_start(call, cookie=f"{COOKIE}={cookie}; Max-Age={SESSION_SECONDS}")

    def _log_out(self, call: Call, session: Session) -> LambdaResponse:
        if not is_own_form(session, _form(call).get("csrf", "")):
            raise FormRefusedError("The form is not of this session. Go back, and reload the page.")
        self._sign_in.sign_out(_cookie(call) or "")
        call.log.outcome = "signed_out"
        return self._to_start(call, cookie=f"{COOKIE}=; Max-Age=0")

    def _to_start(self, call: Call, *, cookie: str | None = None) -> LambdaResponse:
        answer = response(
            303, "", rid=call.request.rid, content_type=_HTML, headers={"Location": "../admin"}
        )
        if cookie is not None:
            answer["cookies"] = [f"{cookie}; {_COOKIE_RULES}"]
        return answer

    def _style(self, call: Call) -> LambdaResponse:
        return response(
            200, self._css, rid=call.request.rid, content_type="text/css; charset=utf-8"
        )

    def _guarded(
        self, handler: Callable[[Call, Session], LambdaResponse]
    ) -> Callable[[Call], LambdaResponse]:
        def guarded(call: Call) -> LambdaResponse:
            session = self._sign_in.session(_cookie(call))
            if session is None:
                if call.request.method == "GET":
                    return self._login_page(call, 200)
                return self._login_page(call, 401, fault="Your session has ended. Sign in again.")
            call.log.is_operators = True
            acting = operator_acting_by(session.token_digest, call.request, call.source_address)
            self._begin(acting)
            return handler(call, session)

        return self._shown(guarded)

    def _shown(self, handler: Callable[[Call], LambdaResponse]) -> Callable[[Call], LambdaResponse]:
        """Answer what goes wrong as a page where a browser asked, else as a problem."""

        def shown(call: Call) -> LambdaResponse:
            try:
                return handler(call)
            except TillgateError as error:
                if "text/html" not in call.request.headers.get("accept", ""):
                    raise
                note(call.log, error)
                document = problem(error)
                return self._page(
                    call,
                    int(document["status"]),
                    "error.html.j2",
                    headers=problem_headers(error),
                    session=None,
                    problem=document,
                    rid=call.request.rid,
                )

        return shown

    def _login_page(self, call: Call, status: int, *, fault: str = "") -> LambdaResponse:
        return self._page(call, status, "login.html.j2", session=None, fault=fault)

    def _page(
        self,
        call: Call,
        status: int,
        template: str,
        *,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> LambdaResponse:
        # Few sandboxes ever show a page, and Jinja takes a while to import.
        from tillgate.entrypoints.page.rendering import render  # noqa: PLC0415  jinja2, for pages only.

        base = "../" * (call.request.path.count("/") - 1)
        return response(
            status,
            render(template, base=base, **self._deployment, **values),
            rid=call.request.rid,
            content_type=_HTML,
            headers={"Content-Security-Policy": self._policy, **(headers or {})},
        )

    @cached_property
    def _css(self) -> str:
        return _STYLESHEET.read_text(encoding="utf-8")


def _form(call: Call) -> dict[str, str]:
    """Read a form's fields.

    Raises UnsupportedMediaTypeError, PayloadTooLargeError, and InvalidRequestError for what no
    form of ours sends.
    """
    content_type = call.request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise UnsupportedMediaTypeError(f"Send the form as {_FORM}.")
    body = limited_body(call.request, max_body_bytes=_MAX_FORM_BYTES)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=8, errors="strict")
    except ValueError:
        raise InvalidRequestError([Fault("", "is not a form in UTF-8")]) from None
    return {name: values[0] for name, values in fields.items()}


def _cookie(call: Call) -> str | None:
    """Give the session's cookie among those that the browser sent."""
    for text in call.cookies:
        try:
            found = SimpleCookie(text).get(COOKIE)
        except CookieError:
            continue
        if found is not None and found.value:
            return found.value
    return None
