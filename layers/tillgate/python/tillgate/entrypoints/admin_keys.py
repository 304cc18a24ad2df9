"""``/admin/api/keys`` in HTTP's words: names, days and counts, and never a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tillgate.entrypoints.admin_answers import answer, records

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from tillgate.domain.key_ring import KeyStanding
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call
    from tillgate.services.keys import ListKeys


class AdminKeys:
    """Says how the platform's own secrets stand."""

    def __init__(self, list_keys: ListKeys) -> None:
        self._list_keys = list_keys

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]:
        return {"GET /admin/api/keys": self._list}

    def _list(self, call: Call) -> LambdaResponse:
        report = self._list_keys.run()
        return answer(
            call,
            200,
            {
                "keys": [_key(key) for key in report.keys],
                "secrets": records(report.secrets),
                "warnings": list(report.warnings),
            },
        )


def _key(key: KeyStanding) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "made_on": _day(key.made_on),
        "is_current": key.is_current,
        "rows": dict(key.rows),
        "leaves_on": _day(key.leaves_on),
        "stays_because": list(key.stays_because),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
