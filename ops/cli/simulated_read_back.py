"""Reading back what ``tillgate simulate`` sent: each acknowledged event, exactly once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from ops.cli.connection import is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from ops.cli.session import Surroundings

# What waits on the queue is stored within about this.
WITHIN_SECONDS = 60.0
LOOK_EVERY_SECONDS = 1.0
# Both ends may tell the time a little differently.
CLOCK_SLACK = timedelta(seconds=30)
PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """What was found of ``wanted`` keys; ``failed`` says why it could not be looked for."""

    wanted: int = 0
    missing: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    failed: str = ""

    @property
    def faults(self) -> list[str]:
        told = {
            "acknowledged, and not there": self.missing,
            "there more than once": self.repeated,
            "refused or set aside, and yet there": self.unwanted,
        }
        said = [f"{len(keys)} {what}, such as {keys[0]}" for what, keys in told.items() if keys]
        return [*said, f"not read back: {self.failed}"] if self.failed else said


class Reader:
    """Lists the events of tenants by their own tokens, as their own systems do."""

    def __init__(
        self, api_url: str, *, tokens: Mapping[str, str], provider: str, around: Surroundings
    ) -> None:
        self._tokens = tokens
        self._provider = provider
        self._around = around
        self._http = httpx.Client(
            base_url=api_url,
            transport=around.transport,
            timeout=30.0,
            trust_env=not is_loopback(urlsplit(api_url).hostname or ""),
        )

    def close(self) -> None:
        self._http.close()

    def read_back(
        self, wanted: Collection[str], *, never: Collection[str], since: datetime
    ) -> ReadBack:
        """Look until each wanted key is there, for a minute: some may still be queued."""
        deadline = self._around.clock() + WITHIN_SECONDS
        try:
            found = self._listed(since)
            while not found.keys() >= set(wanted) and self._around.clock() < deadline:
                self._around.pause(LOOK_EVERY_SECONDS)
                found = self._listed(since)
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            return ReadBack(wanted=len(wanted), failed=str(error) or type(error).__name__)
        return ReadBack(
            wanted=len(wanted),
            missing=tuple(sorted(set(wanted) - found.keys())),
            repeated=tuple(sorted(key for key in wanted if found[key] > 1)),
            unwanted=tuple(sorted(set(never) & found.keys())),
        )

    def _listed(self, since: datetime) -> Counter[str]:
        """Count the provider's events by their keys, over all tenants."""
        found: Counter[str] = Counter()
        first = {"since": (since - CLOCK_SLACK).isoformat(), "limit": str(PAGE)}
        for token in self._tokens.values():
            asked, cursor = first, ""
            while True:
                answer = self._http.get(
                    "/v1/events", params=asked, headers={"Authorization": f"Bearer {token}"}
                )
                answer.raise_for_status()
                page = answer.json()
                events = [e for e in page["events"] if e["provider"] == self._provider]
                found.update(event["idempotency_key"] for event in events)
                if not page["next_cursor"] or page["next_cursor"] == cursor:
                    break
                cursor = page["next_cursor"]
                asked = {**first, "cursor": cursor}
        return found
