"""Hooks in any order over stores that come and go: 200 is kept, and kept once.

A vendor's request holds several items here, of two tenants and of a merchant nobody knows.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes import (
    InMemoryAcceptQueue,
    InMemoryEventStore,
    InMemoryQuarantine,
    InMemoryRegistry,
)
from tests.unit.services.hook_endpoints import APP_ID, IDLE, ONE, TWO, Hooks
from tests.unit.services.interleavings import Weather
from tests.unit.services.queued_hooks import ManyAtOnce
from tillgate.adapters.queue_message import decode, encode
from tillgate.domain.errors import (
    QueueUnavailableError,
    SignatureRefusedError,
    StoreUnavailableError,
)
from tillgate.domain.event import Accepted, NewEvent, Outcome
from tillgate.domain.queued import QueuedHook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.quarantine import Quarantined
    from tillgate.domain.queued import QueuedMessage
    from tillgate.domain.tenant import AppId, Source, TenantId

TENANTS = {"M1": ONE, "M2": TWO, "M3": IDLE}


@dataclass
class Sky:
    """How each part of the database is, call by call: a part's list is used up from the front."""

    weathers: dict[str, list[Weather]] = field(default_factory=dict)

    def over(self, part: str) -> Weather:
        ahead = self.weathers.get(part)
        return ahead.pop(0) if ahead else Weather.UP


def ask(weather: Weather) -> None:
    if weather is Weather.DOWN:
        raise StoreUnavailableError("down")


def answer(weather: Weather) -> None:
    if weather is Weather.LATE:
        raise StoreUnavailableError("done, and not told")


class Events(InMemoryEventStore):
    def __init__(self, sky: Sky) -> None:
        super().__init__()
        self._sky = sky
        self.new: Counter[tuple[str, str]] = Counter()

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        weather = self._sky.over("events")
        ask(weather)
        answers = super().accept(tenant_id, events, received_at=received_at)
        for event, told in zip(events, answers, strict=True):
            self.new[tenant_id, event.key] += told.outcome is Outcome.NEW
        answer(weather)
        return answers


class Quarantine(InMemoryQuarantine):
    def __init__(self, sky: Sky) -> None:
        super().__init__()
        self._sky = sky

    def put(self, item: Quarantined) -> bool:
        weather = self._sky.over("quarantine")
        ask(weather)
        kept = super().put(item)
        answer(weather)
        return kept


class Registry(InMemoryRegistry):
    def __init__(self, sky: Sky) -> None:
        super().__init__()
        self._sky = sky

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        ask(self._sky.over("registry"))
        return super().find_bound_source(app_id, merchant_id)


class Queue(InMemoryAcceptQueue):
    def __init__(self, sky: Sky) -> None:
        super().__init__()
        self._sky = sky

    def put(self, message: QueuedMessage) -> None:
        weather = self._sky.over("queue")
        if weather is not Weather.DOWN:
            super().put(decode(encode(message)))
        if weather is not Weather.UP:
            raise QueueUnavailableError("in this weather")


ITEM = st.tuples(
    st.sampled_from(["M1", "M2", "M3", "M9"]), st.sampled_from("ab"), st.integers(0, 1)
)
SKIES = st.fixed_dictionaries(
    dict.fromkeys(
        ("events", "quarantine", "registry", "queue"),
        st.lists(st.sampled_from(Weather), max_size=6),
    )
)


@dataclass
class Vendor:
    """Sends requests, and remembers which were answered 200."""

    hooks: Hooks
    kept: list[list[tuple[str, str, int]]] = field(default_factory=list)

    def send(self, items: list[tuple[str, str, int]]) -> None:
        body = json.dumps(items).encode()
        try:
            tally = self.hooks.accept("many", body, {"signature": "s"}, endpoint_id=APP_ID)
        except (StoreUnavailableError, QueueUnavailableError):
            return
        counted = tally.accepted + tally.duplicates + tally.queued + tally.quarantined
        assert counted == len(items)
        self.kept.append(items)

    def forge(self) -> None:
        try:
            self.hooks.accept("many", b"[]", {"signature": "forged"}, endpoint_id=APP_ID)
        except (SignatureRefusedError, StoreUnavailableError, QueueUnavailableError):
            return
        raise AssertionError("a forgery was taken")

    def deliver(self, nth: int) -> None:
        if self.hooks.queue.messages:
            message = self.hooks.queue.messages[nth % len(self.hooks.queue.messages)]
            assert isinstance(message, QueuedHook)
            try:
                self.hooks.worker().accept(message)
            except StoreUnavailableError:
                return


REQUESTS = st.lists(ITEM, min_size=1, max_size=4) | st.none() | st.integers(0, 5)
CONFLICT_KEPT_AND_NEIGHBOUR_DOWN = {"events": [Weather.UP, Weather.UP, Weather.DOWN]}
CONFLICT_KEPT_LATE = {"quarantine": [Weather.LATE]}
ONE_LOOK_UP_DOWN = {"registry": [Weather.DOWN]}


Requests = list[list[tuple[str, str, int]] | int | None]


@settings(max_examples=200)
@given(requests=st.lists(REQUESTS, max_size=10), weathers=SKIES)
@example(
    requests=[[("M1", "a", 0)], [("M1", "a", 1), ("M2", "a", 0)]],
    weathers=CONFLICT_KEPT_AND_NEIGHBOUR_DOWN,
)
@example(requests=[[("M1", "a", 0)], [("M1", "a", 1)]], weathers=CONFLICT_KEPT_LATE)
@example(requests=[[("M3", "a", 0), ("M3", "b", 0)]], weathers=ONE_LOOK_UP_DOWN)
def test_what_is_answered_200_is_stored_or_set_aside_and_each_once(
    requests: Requests, weathers: dict[str, list[Weather]]
) -> None:
    play(requests, weathers)


@pytest.mark.proof
@settings(max_examples=5_000)
@given(requests=st.lists(REQUESTS, max_size=10), weathers=SKIES)
def test_so_it_is_under_thousands_more_skies(
    requests: Requests, weathers: dict[str, list[Weather]]
) -> None:
    play(requests, weathers)


def play(requests: Requests, weathers: dict[str, list[Weather]]) -> None:
    sky = Sky({part: list(ahead) for part, ahead in weathers.items()})
    events, quarantine = Events(sky), Quarantine(sky)
    hooks = Hooks(
        registry=Registry(sky),
        events=events,
        quarantine=quarantine,
        queue=Queue(sky),
        providers={"many": ManyAtOnce()},
    )
    hooks._add("many", APP_ID, None, ["s"])
    hooks.add_app_sources(**TENANTS)
    vendor = Vendor(hooks)
    # A list is a delivery, a number a message for the worker, None a forgery.
    for request in requests:
        if request is None:
            vendor.forge()
        elif isinstance(request, int):
            vendor.deliver(request)
        else:
            vendor.send(request)
    sky.weathers.clear()
    for nth in [*range(len(hooks.queue.messages)), *range(len(hooks.queue.messages))]:
        vendor.deliver(nth)

    assert set(events.new.values()) <= {0, 1}
    assert {key for key, times in events.new.items() if times} == set(events.events)
    assert_each_item_is_kept(vendor, events, quarantine)
    # Of one request and one tenant a reason is there once, and a conflict is one reason.
    rows = Counter(
        (item.content, item.tenant_id, str(item.reason).replace("-after-queued", ""))
        for item in quarantine.items
        if item.quota is None
    )
    assert not rows or max(rows.values()) <= len(requests)
    assert len({item.quarantine_id for item in quarantine.items}) == len(quarantine.items)


def assert_each_item_is_kept(
    vendor: Vendor, events: InMemoryEventStore, quarantine: InMemoryQuarantine
) -> None:
    aside = Counter((item.content, item.tenant_id) for item in quarantine.items)
    for items in vendor.kept:
        body = json.dumps(items).encode()
        for merchant, key, value in items:
            tenant = TENANTS.get(merchant)
            stored = events.events.get((tenant.tenant_id, f"many:{key}")) if tenant else None
            is_stored = stored is not None and json.loads(stored[0].data) == {"x": value}
            assert is_stored or aside[body, tenant.tenant_id if tenant else None]


@given(weathers=SKIES)
def test_a_conflict_of_one_request_is_one_row(weathers: dict[str, list[Weather]]) -> None:
    sky = Sky()
    quarantine = Quarantine(sky)
    hooks = Hooks(
        registry=Registry(sky),
        events=Events(sky),
        quarantine=quarantine,
        queue=Queue(sky),
        providers={"many": ManyAtOnce()},
    )
    hooks._add("many", APP_ID, None, ["s"])
    hooks.add_app_sources(**TENANTS)
    vendor = Vendor(hooks)
    vendor.send([("M1", "a", 0)])
    sky.weathers |= {part: list(ahead) for part, ahead in weathers.items()}
    vendor.send([("M1", "a", 1), ("M2", "a", 0)])
    for _ in range(20):
        vendor.deliver(0)

    assert len(quarantine.items) <= 1
    if vendor.kept[1:]:
        assert len(quarantine.items) == 1
