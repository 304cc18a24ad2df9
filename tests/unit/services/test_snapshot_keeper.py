from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import InMemoryObjects, PlainSecretBox
from tillgate.adapters.aws.connection import MAX_ANSWER_BYTES
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.errors import (
    ObjectsUnavailableError,
    SecretUnavailableError,
    StoreUnavailableError,
)
from tillgate.domain.registry_snapshot import SNAPSHOT_CONTEXT, SNAPSHOT_KEY, snapshot_text
from tillgate.services import snapshot_keeper
from tillgate.services.snapshot_keeper import (
    MAX_SNAPSHOT_BYTES,
    SnapshotKeeper,
    SnapshotTooLargeError,
)
from tillgate.services.snapshot_registry import SnapshotRegistry

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
DIGEST = b"\x07" * 32


def registry_of(*slugs: str) -> str:
    return json.dumps(
        {
            "tenants": [{"tenant_id": slug, "slug": slug, "state": "active"} for slug in slugs],
            "tokens": [{"digest": DIGEST.hex(), "tenant_id": slug} for slug in slugs[-1:]],
            "apps": [],
            "sources": [],
        },
        ensure_ascii=False,
    )


class ScriptedSnapshots:
    """Implements RegistrySnapshots."""

    def __init__(self) -> None:
        self.text = registry_of("one")
        self.is_down = False

    def registry_snapshot(self) -> str:
        if self.is_down:
            raise StoreUnavailableError("down")
        return self.text


class Box(PlainSecretBox):
    is_down = False

    def seal(self, plain: bytes, *, context: str) -> bytes:
        if self.is_down:
            raise SecretUnavailableError("down")
        return super().seal(plain, context=context)


class Kept:
    """The keeper, and what it stands on."""

    def __init__(self) -> None:
        self.registry = ScriptedSnapshots()
        self.objects = InMemoryObjects()
        self.box = Box()
        self.keeper = SnapshotKeeper(self.registry, self.objects, self.box)

    def slug(self, at: datetime = NOW) -> str:
        """Give the name of the token's tenant as another sandbox reads it."""
        found = SnapshotRegistry(self.objects, self.box, now=lambda: at).find_token(DIGEST)
        assert found is not None
        return found.tenant.slug


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_the_first_run_writes_what_a_cold_sandbox_reads(kept: Kept) -> None:
    assert kept.keeper.run(NOW)
    assert list(kept.objects.objects) == [SNAPSHOT_KEY]
    assert kept.slug() == "one"


def test_what_changed_is_written_at_once(kept: Kept) -> None:
    kept.keeper.run(NOW)
    kept.registry.text = registry_of("one", "zwei-é-\"'\\-☕")

    assert kept.keeper.run(NOW + TICK)
    assert kept.slug() == "zwei-é-\"'\\-☕"


def test_what_did_not_change_is_written_each_hour_and_not_in_between(kept: Kept) -> None:
    written = [kept.keeper.run(NOW + timedelta(minutes=minute)) for minute in range(0, 181, 5)]

    assert [5 * n for n, was_written in enumerate(written) if was_written] == [0, 60, 120, 180]


@pytest.mark.parametrize(("age", "writes"), [(HOUR - TICK, False), (HOUR, True)])
def test_an_hour_is_an_hour(kept: Kept, age: timedelta, *, writes: bool) -> None:
    kept.keeper.run(NOW)

    assert kept.keeper.run(NOW + age) is writes


def test_a_snapshot_that_is_written_again_is_younger(kept: Kept) -> None:
    kept.keeper.run(NOW)
    kept.keeper.run(NOW + HOUR)

    assert kept.slug(NOW + HOUR + timedelta(hours=24)) == "one"


def test_what_changed_and_changed_back_is_written_both_times(kept: Kept) -> None:
    kept.keeper.run(NOW)
    kept.registry.text = registry_of("two")
    assert kept.keeper.run(NOW + TICK)
    kept.registry.text = registry_of("one")

    assert kept.keeper.run(NOW + 2 * TICK)
    assert kept.slug() == "one"


def test_a_clock_that_was_set_back_is_a_cause_to_write(kept: Kept) -> None:
    kept.keeper.run(NOW)

    assert kept.keeper.run(NOW - TICK)
    assert not kept.keeper.run(NOW)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("registry", StoreUnavailableError),
        ("objects", ObjectsUnavailableError),
        ("box", SecretUnavailableError),
    ],
)
def test_a_write_that_failed_is_tried_again(kept: Kept, what: str, error: type[Exception]) -> None:
    kept.keeper.run(NOW)
    kept.registry.text = registry_of("two")
    part = getattr(kept, what)
    part.is_down = True
    for _ in range(2):
        with pytest.raises(error):
            kept.keeper.run(NOW + TICK)
    part.is_down = False

    assert kept.slug() == "one"
    assert kept.keeper.run(NOW + TICK)
    assert not kept.keeper.run(NOW + TICK)
    assert kept.slug() == "two"


def test_another_sandbox_sees_what_the_first_wrote(kept: Kept) -> None:
    kept.keeper.run(NOW)
    other = SnapshotKeeper(kept.registry, kept.objects, kept.box)

    assert not other.run(NOW)


def test_what_another_sandbox_wrote_since_is_corrected(kept: Kept) -> None:
    first, changed = kept.registry.text, registry_of("two")
    kept.keeper.run(NOW)
    kept.registry.text = changed
    SnapshotKeeper(kept.registry, kept.objects, kept.box).run(NOW)
    kept.registry.text = first

    assert kept.keeper.run(NOW)
    assert kept.slug() == "one"


def test_what_is_damaged_is_written_again(kept: Kept) -> None:
    kept.keeper.run(NOW)
    kept.objects.objects[SNAPSHOT_KEY] = b"damaged"

    assert kept.keeper.run(NOW)
    assert kept.slug() == "one"


class UnreadableObjects(InMemoryObjects):
    """Takes what is put, and gives nothing out."""

    def get(self, key: str) -> bytes | None:
        raise ObjectsUnavailableError(key)


def test_what_cannot_be_read_does_not_keep_it_from_being_written(kept: Kept) -> None:
    kept.keeper.run(NOW)
    unreadable = UnreadableObjects()
    unreadable.objects = kept.objects.objects
    kept.registry.text = registry_of("two")
    keeper = SnapshotKeeper(kept.registry, unreadable, kept.box)

    assert keeper.run(NOW + TICK)
    assert kept.slug() == "two"
    assert keeper.run(NOW + 2 * TICK), "whether it changed cannot be told"


def size_of(registry: str) -> int:
    return len(zlib.compress(snapshot_text(registry, taken_at=NOW).encode()))


@pytest.mark.parametrize(("spare", "fits"), [(1, True), (0, True), (-1, False)])
def test_a_snapshot_is_written_up_to_its_largest_size_and_not_beyond(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, spare: int, *, fits: bool
) -> None:
    kept.keeper.run(NOW)
    grown = registry_of(*(f"tenant-{n}" for n in range(100)))
    monkeypatch.setattr(snapshot_keeper, "MAX_SNAPSHOT_BYTES", size_of(grown) + spare)
    kept.registry.text = grown

    if fits:
        assert kept.keeper.run(NOW)
    else:
        with pytest.raises(SnapshotTooLargeError, match=str(size_of(grown))):
            kept.keeper.run(NOW)
    assert kept.slug() == ("tenant-99" if fits else "one"), "the last one that fitted is kept"


def test_the_largest_snapshot_is_one_that_the_s3_client_reads() -> None:
    sealed = KeyRingSecretBox(lambda: '{"k1": "made up"}').seal(b"", context=SNAPSHOT_CONTEXT)

    assert MAX_SNAPSHOT_BYTES + len(sealed) + 64 * 1024 < MAX_ANSWER_BYTES
