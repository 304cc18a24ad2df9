from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.watch_fakes import NOW, InMemoryQueueDepths, InMemoryWatchStore, measured, source
from tillgate.domain.gauges import MEASURED
from tillgate.domain.metrics import SEPARATOR
from tillgate.domain.slo import WINDOWS, Counts
from tillgate.domain.watch import TenantHours
from tillgate.services.watch import Watch

ACCEPT_AGE = "queue_oldest_age_seconds|accept"


@pytest.fixture
def store() -> InMemoryWatchStore:
    return InMemoryWatchStore()


@pytest.fixture
def queues() -> InMemoryQueueDepths:
    return InMemoryQueueDepths()


@pytest.fixture
def watch(store: InMemoryWatchStore, queues: InMemoryQueueDepths) -> Watch:
    return Watch(store, queues)


def test_what_was_measured_is_stored(
    watch: Watch, store: InMemoryWatchStore, queues: InMemoryQueueDepths
) -> None:
    store.measured = measured(
        dead_letters=7,
        oldest_due_seconds=1.5,
        secret_age_seconds=86_400.0,
        proofs={"backup_verified": 1.0, "drill_rollback": 2.0},
    )
    queues.found["delivery"] = 12

    found = watch.run(NOW)

    assert found.is_database_up
    assert store.gauges == {
        "database_up": 1,
        "event_partitions_ahead": 14,
        "dead_letters": 7,
        "quarantine_items|unreadable": 2,
        "quarantine_items|key-conflict": 0,
        "queue_messages|accept": 0,
        "queue_messages|accept-dead-letters": 0,
        "queue_messages|delivery": 12,
        "queue_messages|redrive": 0,
        "queue_messages|delivery-dead-letters": 0,
        "queue_oldest_age_seconds|delivery": 1.5,
        "queue_oldest_age_seconds|accept": 0,
        "oldest_secret_age_seconds": 86_400,
        "backup_verified_timestamp_seconds": 1,
        "drill_timestamp_seconds|rollback": 2,
        "quiet_sources": 0,
        "open_tenants": 0,
    }


def test_every_series_is_declared(watch: Watch, store: InMemoryWatchStore) -> None:
    store.measured = measured(secret_age_seconds=1.0, proofs={"drill_restore": 2.0})
    store.counts = {window.name: Counts(1, 0) for window in WINDOWS}
    watch.run(NOW)
    declared = {gauge.name: gauge.labels for gauge in MEASURED}

    for series in store.gauges:
        name, *labels = series.split(SEPARATOR)
        assert len(labels) == len(declared[name])
        assert all(
            label.bounded(value) == value
            for label, value in zip(declared[name], labels, strict=True)
        )


def test_a_window_without_requests_has_no_error_budget(
    watch: Watch, store: InMemoryWatchStore
) -> None:
    store.counts = {"24h": Counts(10_000, 2), "30d": Counts(1_000, 3)}

    found = watch.run(NOW)

    assert found.budget_left == {"24h": 0.8, "30d": -2.0}
    assert {name: value for name, value in store.gauges.items() if "budget" in name} == {
        "error_budget_left_ratio|24h": 0.8,
        "error_budget_left_ratio|30d": -2.0,
    }


def test_a_budget_that_cannot_be_read_holds_nothing_else_up(
    watch: Watch, store: InMemoryWatchStore
) -> None:
    store.add(source(1))
    store.is_down = {"platform_counts"}

    found = watch.run(NOW)

    assert (found.is_database_up, found.quiet_sources) == (True, 1)
    assert list(found.faults) == ["budget:unavailable"]
    assert store.gauges["dead_letters"] == 0
    assert not found.budget_left


def test_a_database_that_is_down_is_an_answer(
    watch: Watch, store: InMemoryWatchStore, queues: InMemoryQueueDepths
) -> None:
    store.is_down = {"measure"}
    queues.found["accept"] = 9

    found = watch.run(NOW)

    assert not found.is_database_up
    assert found.queues["accept"] == 9
    assert list(found.faults) == ["measure:unavailable"]
    assert store.gauges == {}


def test_a_database_that_takes_nothing_is_down(watch: Watch, store: InMemoryWatchStore) -> None:
    store.is_down = {"put_gauges"}

    found = watch.run(NOW)

    assert not found.is_database_up
    assert list(found.faults) == ["put:unavailable"]


@pytest.mark.parametrize("method", ["sources", "note_quiet"])
def test_gauges_are_stored_though_silence_cannot_be_judged(
    watch: Watch, store: InMemoryWatchStore, method: str
) -> None:
    store.add(source(1))
    store.is_down = {method}

    found = watch.run(NOW)

    assert found.is_database_up
    assert found.quiet_sources is None
    assert "quiet_sources" not in store.gauges
    assert list(found.faults) == ["silence:unavailable"]
    assert store.gauges["dead_letters"] == 0


def test_what_was_noted_is_said_though_the_rest_cannot_be_judged(
    store: InMemoryWatchStore, queues: InMemoryQueueDepths
) -> None:
    store.add(*(source(n) for n in range(4)))

    def fails_after_the_first_page() -> bool:
        if store.asked:
            store.is_down = {"sources"}
        return False

    found = Watch(store, queues, is_out_of_time=fails_after_the_first_page).run(NOW)

    assert [note.source.source_id for note in found.notes] == [
        source(0).source_id,
        source(1).source_id,
    ]
    assert found.quiet_sources is None
    assert list(found.faults) == ["silence:unavailable"]


def test_a_queue_that_gives_no_answer_has_no_gauge(
    watch: Watch, store: InMemoryWatchStore, queues: InMemoryQueueDepths
) -> None:
    del queues.found["redrive"]

    found = watch.run(NOW)

    assert list(found.faults) == ["queue:redrive"]
    assert "queue_messages|redrive" not in store.gauges
    assert "queue_messages|delivery" in store.gauges


def test_the_accept_queues_age_grows_until_it_is_seen_empty(
    watch: Watch, store: InMemoryWatchStore, queues: InMemoryQueueDepths
) -> None:
    queues.found["accept"] = 1
    watch.run(NOW)
    assert store.gauges[ACCEPT_AGE] == 0
    for expected in (60.0, 120.0):
        store.measured = measured(gauges={ACCEPT_AGE: (store.gauges[ACCEPT_AGE], 60.0)})
        watch.run(NOW)
        assert store.gauges[ACCEPT_AGE] == expected
    # Not seen is not empty.
    del queues.found["accept"]
    store.measured = measured(gauges={ACCEPT_AGE: (120.0, 60.0)})
    watch.run(NOW)
    assert store.gauges[ACCEPT_AGE] == 180
    queues.found["accept"] = 0
    watch.run(NOW)
    assert store.gauges[ACCEPT_AGE] == 0


def test_a_source_is_said_to_be_quiet_once_and_heard_once(
    watch: Watch, store: InMemoryWatchStore
) -> None:
    silent = source(1)
    store.add(silent, source(2, heard_at=NOW, last_event_at=NOW), source(3))

    first = watch.run(NOW)
    assert [(n.source.source_id, n.is_quiet, n.quiet_since) for n in first.notes] == [
        (silent.source_id, True, silent.heard_at),
        (source(3).source_id, True, silent.heard_at),
    ]
    assert first.quiet_sources == store.gauges["quiet_sources"] == 2

    assert list(watch.run(NOW + timedelta(minutes=1)).notes) == []
    known = store.all_sources[silent.source_id]
    store.add(replace(known, heard_at=NOW, last_event_at=NOW))
    heard = watch.run(NOW + timedelta(minutes=2))
    [note] = heard.notes
    assert (note.is_quiet, note.is_watched, note.quiet_since) == (False, True, silent.heard_at)
    assert heard.quiet_sources == 1
    assert list(watch.run(NOW + timedelta(minutes=3)).notes) == []


def test_who_is_no_longer_watched_is_let_go_of(watch: Watch, store: InMemoryWatchStore) -> None:
    store.add(source(1, time_zone=None, quiet_since=NOW))

    found = watch.run(NOW)

    [note] = found.notes
    assert (note.is_quiet, note.is_watched) == (False, False)
    assert found.quiet_sources == 0


def test_a_time_zone_that_is_gone_changes_nothing(watch: Watch, store: InMemoryWatchStore) -> None:
    store.add(
        source(1, time_zone="Atlantis/City"),
        source(2, time_zone="Atlantis/City", quiet_since=NOW),
        source(3, time_zone="../etc/passwd"),
    )

    found = watch.run(NOW)

    assert list(found.notes) == []
    assert found.quiet_sources == 1


def test_nobody_falls_quiet_while_events_wait_to_be_stored(
    watch: Watch, store: InMemoryWatchStore, queues: InMemoryQueueDepths
) -> None:
    queues.found["accept"] = 5
    store.add(source(1), source(2, quiet_since=NOW))
    store.measured = measured(gauges={ACCEPT_AGE: (3_000.0, 60.0)})

    held = watch.run(NOW)
    assert (list(held.notes), held.quiet_sources) == ([], 1)

    # For an hour: what cannot be stored at all must not hide the rest.
    store.measured = measured(gauges={ACCEPT_AGE: (3_541.0, 60.0)})
    found = watch.run(NOW)
    assert len(found.notes) == 1
    assert found.quiet_sources == 2


def test_what_there_is_no_time_for_is_left_to_the_next_minute(store: InMemoryWatchStore) -> None:
    store.add(*(source(n) for n in range(6)))
    watch = Watch(store, InMemoryQueueDepths(), is_out_of_time=lambda: store.asked >= 2)

    found = watch.run(NOW)

    assert store.asked == 2
    assert len(found.notes) == 4
    assert (found.quiet_sources, found.is_silence_left) == (4, True)
    assert store.gauges["dead_letters"] == 0


def test_the_next_run_goes_on_where_the_time_was_up(store: InMemoryWatchStore) -> None:
    store.add(*(source(n) for n in range(10)))
    watch = Watch(store, InMemoryQueueDepths(), is_out_of_time=lambda: store.asked >= 2)
    judged = []
    for _ in range(4):
        # Time for two parts of two.
        store.asked = 0
        found = watch.run(NOW)
        judged.append((len(found.notes), found.quiet_sources, found.is_silence_left))

    # The third has time to spare; the round after it begins with the first.
    assert judged == [(4, 4, True), (4, 8, True), (2, 10, False), (0, 10, True)]


def test_a_run_without_any_time_forgets_no_place(store: InMemoryWatchStore) -> None:
    store.add(*(source(n) for n in range(6)))
    until = 1
    watch = Watch(store, InMemoryQueueDepths(), is_out_of_time=lambda: store.asked >= until)
    assert len(watch.run(NOW).notes) == 2
    assert len(watch.run(NOW).notes) == 0
    until = 10

    last = watch.run(NOW)

    assert (len(last.notes), last.is_silence_left) == (4, False)


def test_after_a_failure_judging_begins_with_the_first(store: InMemoryWatchStore) -> None:
    store.add(*(source(n) for n in range(6)))
    until = 2
    watch = Watch(store, InMemoryQueueDepths(), is_out_of_time=lambda: store.asked >= until)
    watch.run(NOW)
    store.is_down, until = {"sources"}, 20
    watch.run(NOW)
    store.is_down = set()
    store.add(source(0))

    again = watch.run(NOW)

    assert source(0).source_id in {note.source.source_id for note in again.notes}
    assert again.quiet_sources == 6


def hours(tenants: int, zone: str | None, **told: list[str]) -> TenantHours:
    return TenantHours(time_zone=zone, opening_hours=told, tenants=tenants)


def test_who_is_open_is_counted_by_its_own_clock(watch: Watch, store: InMemoryWatchStore) -> None:
    store.hours = [
        # Noon in UTC: one in the afternoon in Berlin, half past five in Kolkata, four in Samoa.
        hours(1, "Europe/Berlin", mon=["09:00-18:00"]),
        hours(2, "Asia/Kolkata", mon=["09:00-17:30"]),
        hours(4, "Pacific/Apia", mon=["09:00-18:00"]),
        hours(8, "Pacific/Apia", tue=["00:00-24:00"]),
        hours(16, None),
        # Whose clock nobody knows may be open.
        hours(32, "Atlantis/City", tue=["09:00-18:00"]),
    ]

    found = watch.run(NOW)

    assert found.open_tenants == store.gauges["open_tenants"] == 1 + 8 + 16 + 32


def test_hours_that_cannot_be_read_are_not_known_and_hold_nothing_else_up(
    watch: Watch, store: InMemoryWatchStore
) -> None:
    store.add(source(1))
    store.is_down = {"tenant_hours"}

    found = watch.run(NOW)

    assert (found.is_database_up, found.open_tenants, found.quiet_sources) == (True, None, 1)
    assert list(found.faults) == ["hours:unavailable"]
    assert "open_tenants" not in store.gauges
