"""A snapshot that is none, or another's, lets nobody in; and is no crash."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import InMemoryRegistry, PlainSecretBox
from tests.strategies import JSON_VALUES
from tests.unit.services.registry_sandbox import (
    ENDPOINT,
    REGISTRY,
    START,
    CountingObjects,
    Sandbox,
    cold_sandbox,
)
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.errors import SecretUnavailableError
from tillgate.domain.registry_snapshot import SNAPSHOT_KEY, snapshot_text


@pytest.fixture
def sandbox() -> Sandbox:
    return cold_sandbox()


class NoKeyRing(PlainSecretBox):
    def open(self, sealed: bytes, *, context: str) -> bytes:
        raise SecretUnavailableError(f"no ring for {context} of {len(sealed)}")


def damaged_snapshots() -> list[object]:
    def of(document: object) -> bytes:
        return zlib.compress(json.dumps(document).encode())

    good = {"schema": 1, "taken_at": START.isoformat(), "registry": REGISTRY}
    bad_rows: list[object] = [
        {**REGISTRY, "tokens": [{"digest": "zz", "tenant_id": "one"}]},
        {**REGISTRY, "tokens": [{"digest": None, "tenant_id": "one"}]},
        {**REGISTRY, "tokens": [{"digest": "00", "tenant_id": "nobody"}]},
        {**REGISTRY, "tenants": [{"tenant_id": "one", "slug": "one", "state": "new-state"}]},
        {**REGISTRY, "tenants": [{"tenant_id": ["one"], "slug": "one", "state": "active"}]},
        {**REGISTRY, "tenants": None},
        {**REGISTRY, "sources": [7]},
        [],
        None,
    ]
    strangers: list[object] = [[], None, 7, "x", {}, [good]]
    return [
        pytest.param(b"", id="empty"),
        pytest.param(b"not compressed", id="not compressed"),
        pytest.param(of(good)[:-3], id="cut short"),
        pytest.param(zlib.compress(b"\xff\xfe"), id="not UTF-8"),
        pytest.param(zlib.compress(b"{"), id="not JSON"),
        pytest.param(zlib.compress(b"[" * 100_000), id="too deep"),
        *(pytest.param(of(value), id=f"{value!r}") for value in strangers),
        pytest.param(of({**good, "schema": 2}), id="other schema"),
        pytest.param(of({**good, "schema": "1"}), id="schema as text"),
        pytest.param(of({**good, "taken_at": None}), id="no time"),
        pytest.param(of({**good, "taken_at": "today"}), id="bad time"),
        pytest.param(of({**good, "taken_at": "2026-11-23T10:00:00"}), id="time of no zone"),
        *(
            pytest.param(of({**good, "registry": rows}), id=f"rows {n}")
            for n, rows in enumerate(bad_rows)
        ),
    ]


@pytest.mark.parametrize("plain", damaged_snapshots())
def test_a_snapshot_that_is_none_lets_nobody_in_and_is_no_crash(
    sandbox: Sandbox, plain: bytes
) -> None:
    sandbox.put(plain)

    for _ in range(2):
        assert not sandbox.finds()


@given(JSON_VALUES, st.sampled_from(["registry", "taken_at", "schema", "tokens", "sources", "all"]))
def test_no_json_whatever_is_a_crash(value: object, place: str) -> None:
    sandbox = Sandbox(InMemoryRegistry(), CountingObjects(), PlainSecretBox())
    sandbox.database.is_down = True
    document: dict[str, object] = {
        "schema": 1,
        "taken_at": START.isoformat(),
        "registry": {**REGISTRY, place: value},
    }
    if place in document:
        document[place] = value
    text = json.dumps(value if place == "all" else document)
    sandbox.put(zlib.compress(text.encode()))

    assert sandbox.finds() in {True, False}


def test_no_key_ring_lets_nobody_in(sandbox: Sandbox) -> None:
    cold = Sandbox(sandbox.database, sandbox.objects, NoKeyRing())
    cold.write()

    assert not cold.finds()


def test_no_snapshot_lets_nobody_in(sandbox: Sandbox) -> None:
    assert not sandbox.finds()


class TestSealed:
    """The real seal, since an attacker who can write the bucket meets that."""

    @pytest.fixture
    def sealed(self, sandbox: Sandbox) -> Sandbox:
        box = KeyRingSecretBox(lambda: json.dumps({"k1": "made up"}))
        made = Sandbox(sandbox.database, CountingObjects(), box)
        made.write()
        return made

    def test_as_it_was_written_it_lets_in(self, sealed: Sandbox) -> None:
        assert sealed.finds()

    def test_one_bit_changed_anywhere_lets_nobody_in(self, sealed: Sandbox) -> None:
        good = sealed.objects.objects[SNAPSHOT_KEY]
        for place in range(len(good)):
            bad = bytearray(good)
            bad[place] ^= 1 << place % 8
            sealed.objects.objects[SNAPSHOT_KEY] = bytes(bad)
            sealed.now += 5

            assert not sealed.finds()

    @pytest.mark.parametrize("length", [0, 1, 2, 13, 14, 15, 40])
    def test_cut_short_it_lets_nobody_in(self, sealed: Sandbox, length: int) -> None:
        good = sealed.objects.objects[SNAPSHOT_KEY]
        sealed.objects.objects[SNAPSHOT_KEY] = good[:length]

        assert not sealed.finds()

    @pytest.mark.parametrize("context", ["", "accept-queue:1", "quarantine:1", "Registry-snapshot"])
    def test_sealed_for_another_place_it_lets_nobody_in(
        self, sealed: Sandbox, context: str
    ) -> None:
        text = snapshot_text(json.dumps(REGISTRY), taken_at=START)
        sealed.put(zlib.compress(text.encode()), context=context)

        assert not sealed.finds()

    def test_sealed_by_another_ring_it_lets_nobody_in(self, sealed: Sandbox) -> None:
        box = KeyRingSecretBox(lambda: json.dumps({"k1": "another"}))
        other = Sandbox(sealed.database, sealed.objects, box)

        assert not other.finds()


def test_endpoints_of_the_snapshot_do_not_say_since_when_their_secret_is(sandbox: Sandbox) -> None:
    sandbox.database.endpoints["square", "s"] = replace(ENDPOINT, settled_at=START)
    sandbox.write()

    found = sandbox.registry.find_endpoint("square", "s")
    assert found is not None
    assert found.settled_at is None
