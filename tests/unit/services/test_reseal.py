"""Sealing anew: stopped anywhere it goes on, and what somebody set meanwhile stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.rotation_fakes import InMemorySealedRows, kid_of
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.sealed import RESEALED
from tillgate.services.reseal import Reseal, ResealReport

if TYPE_CHECKING:
    from tillgate.domain.sealed import SealedColumn

RING = {"k1": "one", "k2": "two", "k3": "three"}
ROWS = 7


def box_of(*kids: str) -> KeyRingSecretBox:
    """Give a box of these keys; the last one seals."""
    return KeyRingSecretBox(lambda: json.dumps({kid: RING.get(kid, kid) for kid in kids}))


class Stand:
    """Seven rows in each column, by two older keys; ``now`` counts the batches begun."""

    def __init__(self) -> None:
        self.rows = InMemorySealedRows()
        self.box = box_of(*RING)
        self.batches = 0
        self.until = 10_000
        for column in RESEALED:
            for n in range(ROWS):
                self.put(column, n, b"secret of %d" % n, box_of("k1" if n % 2 else "k2"))

    def put(self, column: SealedColumn, n: int, plain: bytes, box: KeyRingSecretBox) -> None:
        key, tenant_id = f"{n:08}", None if column.tenant is None else f"tenant {n}"
        sealed = box.seal(plain, context=column.context(key, tenant_id))
        self.rows.rows[column.name][key] = tenant_id, sealed

    def reseal(self) -> ResealReport:
        return Reseal(self.rows, self.box, is_out_of_time=self._is_out_of_time, at_once=2).run()

    def _is_out_of_time(self) -> bool:
        self.batches += 1
        return self.batches > self.until

    def kids(self) -> set[str]:
        return {kid_of(sealed) for rows in self.rows.rows.values() for _, sealed in rows.values()}

    def opened(self) -> dict[str, list[bytes]]:
        return {
            column.name: [
                self.box.open(sealed, context=column.context(key, tenant_id))
                for key, (tenant_id, sealed) in sorted(self.rows.rows[column.name].items())
            ]
            for column in RESEALED
        }


SECRETS = [b"secret of %d" % n for n in range(ROWS)]


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_everything_is_sealed_under_the_key_that_seals_and_opens_in_its_place(
    stand: Stand,
) -> None:
    report = stand.reseal()

    assert report == ResealReport(resealed=ROWS * len(RESEALED))
    assert stand.kids() == {"k3"}
    assert stand.opened() == {column.name: SECRETS for column in RESEALED}


def test_where_nothing_is_to_be_done_one_look_tells_it(stand: Stand) -> None:
    stand.reseal()
    stand.rows.asked.clear()

    assert stand.reseal() == ResealReport()
    assert stand.rows.asked == ["named"]


def test_out_of_time_after_any_batch_it_goes_on_there_the_next_time() -> None:
    batches = Stand()
    batches.reseal()
    for until in range(batches.batches):
        stand = Stand()
        stand.until = until
        first = stand.reseal()
        stand.until = 10_000
        second = stand.reseal()

        assert first.is_left
        assert first.resealed + second.resealed == ROWS * len(RESEALED)
        assert stand.kids() == {"k3"}
        assert stand.opened() == {column.name: SECRETS for column in RESEALED}


def test_a_database_that_is_lost_at_any_call_loses_nothing() -> None:
    whole = Stand()
    whole.reseal()
    for lost_at in range(len(whole.rows.asked)):
        stand = Stand()
        lose_at(stand, lost_at)
        with pytest.raises(StoreUnavailableError):
            stand.reseal()
        stand.rows.is_down = False
        stand.reseal()

        assert stand.opened() == {column.name: SECRETS for column in RESEALED}
        assert stand.kids() == {"k3"}


def lose_at(stand: Stand, place: int) -> None:
    """Let the database be down from this call on: after the batch before, or in the midst."""

    class Asked(list[str]):
        def append(self, what: str) -> None:
            super().append(what)
            stand.rows.is_down = len(self) == place + 1

    stand.rows.asked = Asked()


def test_a_secret_that_is_set_meanwhile_stays(stand: Stand) -> None:
    source = next(column for column in RESEALED if column.name == "source.sealed_secret")

    def set_one(column: SealedColumn) -> None:
        if column is source:
            stand.put(source, 3, b"set meanwhile", box_of("k1"))

    stand.rows.before_swap = set_one
    report = stand.reseal()

    assert report.changed == 1
    assert stand.opened()[source.name][3] == b"set meanwhile"
    # Whoever set it had an older ring: the next run finds it.
    stand.rows.before_swap = lambda _column: None
    assert stand.reseal().resealed == 1
    assert stand.opened()[source.name][3] == b"set meanwhile"
    assert stand.kids() == {"k3"}


def test_what_no_key_opens_is_counted_and_left(stand: Stand) -> None:
    app = RESEALED[0]
    stand.put(app, 0, b"x", box_of("gone"))
    held = stand.rows.rows[app.name]
    held["00000001"] = None, held["00000001"][1][:-1] + b"!"

    first, second = stand.reseal(), stand.reseal()

    assert (first.unreadable, first.unknown_kids) == (1, ["gone"])
    assert first.resealed == ROWS * len(RESEALED) - 2
    assert (second.resealed, second.unreadable, second.unknown_kids) == (0, 1, ["gone"])


def test_what_a_newer_ring_sealed_is_not_sealed_back() -> None:
    stand, ring = Stand(), {"k1": "one", "k2": "two"}
    stand.box = KeyRingSecretBox(lambda: json.dumps(ring))
    assert stand.box.kids == ("k1", "k2")
    ring["k3"] = "three"
    stand.put(RESEALED[0], 0, b"secret of 0", box_of(*RING))

    stand.reseal()

    assert stand.kids() == {"k3"}
