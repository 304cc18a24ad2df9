"""``/openapi.json``, ``/docs`` and its stylesheet: the contract, for machines and people."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tillgate.entrypoints.docs.openapi import openapi
from tillgate.entrypoints.http import response

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.entrypoints.docs.answers import Json
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call

_STYLESHEET = Path(__file__).parent / "style.css"
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Documents:
    """Answers anyone; each document is made once, when it is first asked for."""

    def __init__(self, *, version: str, serves_tls: bool) -> None:
        self._version = version
        self._policy = f"{_POLICY}; upgrade-insecure-requests" if serves_tls else _POLICY

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        return {
            "GET /openapi.json": self._openapi,
            "GET /docs": self._docs,
            "GET /docs/style.css": self._style,
        }

    def _openapi(self, call: Call) -> LambdaResponse:
        return response(200, self._json, rid=call.request.rid)

    def _docs(self, call: Call) -> LambdaResponse:
        return response(
            200,
            self._page,
            rid=call.request.rid,
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": self._policy},
        )

    def _style(self, call: Call) -> LambdaResponse:
        return response(
            200, self._css, rid=call.request.rid, content_type="text/css; charset=utf-8"
        )

    @cached_property
    def _document(self) -> Json:
        return openapi(version=self._version)

    @cached_property
    def _json(self) -> str:
        return json.dumps(self._document, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def _page(self) -> str:
        # Few sandboxes ever show the page, and Jinja takes a while to import.
        from tillgate.entrypoints.docs.page import render_page  # noqa: PLC0415  jinja2, for /docs only.

        return render_page(self._document)

    @cached_property
    def _css(self) -> str:
        return _STYLESHEET.read_text(encoding="utf-8")
