"""Two tenants who call at random: each sees its own, and nothing of the other's."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.evidence import Row, write_evidence
from tests.integration.two_tenants import TwoTenants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase

TRIED: Counter[str] = Counter()
ROWS: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def evidence() -> Iterator[None]:
    yield
    rows = sum(ROWS.values())
    holds = rows == 0 and TRIED["calls"] > 0
    raw = {"tried": dict(TRIED), "rows": dict(ROWS)}
    row = Row("isolation.rows_at_random", rows, "rows", 0, holds, raw)
    write_evidence("isolation-at-random", [row])


@pytest.fixture(scope="module")
def world(
    database: TestDatabase, secrets_manager_of_module: FakeSecretsManager
) -> Iterator[TwoTenants]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = TwoTenants(database, secrets_manager_of_module, monkeypatch)
        yield made
        made.close()


KEYS = st.sampled_from(["k1", "k2", "k3"])
WHO = st.integers(0, 1)
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), WHO, KEYS, st.integers(1, 2)),
        st.tuples(st.just("hook"), WHO, KEYS, WHO),
        st.tuples(st.just("read"), WHO, WHO, st.integers(0, 5)),
        st.tuples(st.just("replay"), WHO, WHO, st.integers(0, 5)),
        st.tuples(st.just("list"), WHO, st.sampled_from(["", "idempotency_key=k1"]), st.none()),
    ),
    min_size=4,
    max_size=16,
)


class Model:
    """What each of two tenants must see: its events by their ids, the newest last."""

    def __init__(self, world: TwoTenants) -> None:
        self.world = world
        self.parties = (world.party(), world.party())
        self.ids: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self.sent: dict[tuple[int, str], tuple[int, str]] = {}

    def call(self, what: str, who: int, *rest: Any) -> None:  # noqa: ANN401  As drawn.
        TRIED["calls"] += 1
        getattr(self, f"_{what}")(who, *rest)

    def _send(self, who: int, key: str, n: int) -> None:
        status, answer = self.world.send(self.parties[who], key, n=n)
        if (who, key) not in self.sent:
            self.sent[who, key] = (n, answer["event_id"])
            self.ids[who][answer["event_id"]] = key
            assert status == 201
        first, event_id = self.sent[who, key]
        assert answer["event_id"] == event_id
        assert status == 422 if first != n else status in {200, 201}

    def _hook(self, who: int, key: str, to: int) -> None:
        status, accepted = self.world.hook(self.parties[who], key, to=self.parties[to])
        assert status == (200 if who == to else 401)
        assert accepted <= (who == to)
        if accepted:
            listed = self.world.read(self.parties[who], "/v1/events", query="limit=1")[1]
            self.ids[who][listed["events"][0]["event_id"]] = key

    def _id(self, whose: int, nth: int) -> str:
        known = list(self.ids[whose])
        return known[nth % len(known)] if known else str(uuid.uuid4())

    def _read(self, who: int, whose: int, nth: int) -> None:
        event_id = self._id(whose, nth)
        status, answer = self.world.read(self.parties[who], f"/v1/events/{event_id}")
        assert status == (200 if event_id in self.ids[who] else 404)
        self.note("read", who, json.dumps(answer))

    def _replay(self, who: int, whose: int, nth: int) -> None:
        event_id = self._id(whose, nth)
        path = f"/v1/events/{event_id}/replay"
        status, answer = self.world.read(self.parties[who], path, method="POST")
        # Neither has a destination to deliver to, which is told of what is its own alone.
        assert status == (409 if event_id in self.ids[who] else 404)
        self.note("replay", who, json.dumps(answer))

    def _list(self, who: int, query: str, _: None) -> None:
        status, answer = self.world.read(self.parties[who], "/v1/events", query=query)
        key = query.partition("=")[2]
        expected = [one for one, its in self.ids[who].items() if its == key or not key]
        assert status == 200
        assert [event["event_id"] for event in answer["events"]] == expected[::-1]
        self.note("list", who, json.dumps(answer))

    def note(self, what: str, who: int, text: str) -> None:
        other = self.parties[1 - who]
        ROWS[what] += text.count(other.mark)
        assert not +ROWS


def run_at_random(world: TwoTenants, calls: list[tuple[Any, ...]]) -> None:
    model = Model(world)
    for what, who, *rest in calls:
        model.call(what, who, *rest)
    for who in (0, 1):
        model.call("list", who, "", None)


_ANY_FIXTURE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@given(calls=CALLS)
@settings(max_examples=12, suppress_health_check=_ANY_FIXTURE)
def test_two_tenants_who_call_at_random_see_their_own(
    world: TwoTenants, calls: list[tuple[Any, ...]]
) -> None:
    run_at_random(world, calls)


@pytest.mark.proof
@pytest.mark.timeout(900)
@given(calls=CALLS)
@settings(max_examples=300, suppress_health_check=_ANY_FIXTURE)
def test_two_tenants_who_call_at_random_for_long_see_their_own(
    world: TwoTenants, calls: list[tuple[Any, ...]]
) -> None:
    run_at_random(world, calls)
