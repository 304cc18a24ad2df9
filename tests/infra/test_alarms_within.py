"""So do those on what goes on within: queues, dead letters, the database, what is due."""

from __future__ import annotations

import pytest

from tests.infra.cloudwatch import State, World
from tests.infra.deployed_alarms import NEVER, OLDER, Deployed, fires_after

HOURS = 60  # in minutes


@pytest.mark.parametrize("older_periods", OLDER)
def test_a_watcher_that_says_nothing_for_five_minutes(alarms: Deployed, older_periods: int) -> None:
    # Its line is written when the database is down too.
    up = alarms.ours("database_up")

    def after(minutes: int) -> int | None:
        good = {up: [0.0]}
        return fires_after(alarms, "WatchSilent", good, {}, minutes, older_periods=older_periods)

    assert after(4) is NEVER
    assert after(5) == 5


def test_the_database_does_not_answer_for_three_minutes(alarms: Deployed) -> None:
    up = alarms.ours("database_up")

    assert fires_after(alarms, "DatabaseUnreachable", {up: [1.0]}, {up: [0.0]}, 2) is NEVER
    assert fires_after(alarms, "DatabaseUnreachable", {up: [1.0]}, {up: [0.0]}, 3) == 3


@pytest.mark.parametrize("older_periods", OLDER)
@pytest.mark.parametrize(("last", "stays"), [(1.0, State.OK), (0.0, State.ALARM)])
def test_a_silent_watcher_changes_nothing_about_the_database(
    alarms: Deployed, last: float, stays: State, older_periods: int
) -> None:
    world = World()
    world.put(alarms.ours("database_up"), range(30), [last])

    states = alarms.states("DatabaseUnreachable", world, 90, older_periods=older_periods)

    assert states[29:] == [stays] * 61


@pytest.mark.parametrize(
    ("alarm", "metric", "labels", "good", "bad", "edge", "minutes"),
    [
        ("DeadLetters", "dead_letters", {}, 0, 1, 0, 1),
        ("QuietSources", "quiet_sources", {}, 0, 1, 0, 5),
        # What SQS leaves out of its own age: it was received three times.
        ("AcceptQueueAgeRetried", "accept_age_seconds", {}, 0, 901, 900, 5),
        ("DeliveryQueueAgeDue", "oldest_pending_seconds", {}, 0, 301, 300, 5),
        ("PartitionsAhead", "partitions_days_ahead", {}, 14, 6, 7, 15),
        ("SecretAge", "secret_age_days", {}, 10, 91, 90, 15),
        ("BackupUnverified", "backup_verified_age_hours", {}, 1, 26.1, 26, 15),
        ("DrillOverdueRollback", "drill_age_days", {"drill": "rollback"}, 1, 8.1, 8, 15),
        ("DrillOverdueRestore", "drill_age_days", {"drill": "restore"}, 1, 35.1, 35, 15),
    ],
)
def test_what_the_watcher_measures_has_its_threshold(
    alarms: Deployed,
    alarm: str,
    metric: str,
    labels: dict[str, str],
    good: float,
    bad: float,
    edge: float,
    minutes: int,
) -> None:
    seen = alarms.ours(metric, **labels)
    well, ill, at_it = {seen: [float(good)]}, {seen: [float(bad)]}, {seen: [float(edge)]}

    assert fires_after(alarms, alarm, well, ill, minutes - 1) is NEVER
    assert fires_after(alarms, alarm, well, ill, minutes) == minutes
    assert fires_after(alarms, alarm, well, at_it, 4 * HOURS) is NEVER


@pytest.mark.parametrize(("alarm", "drill"), [("Rollback", "rollback"), ("Restore", "restore")])
def test_a_drill_that_never_was_is_overdue(alarms: Deployed, alarm: str, drill: str) -> None:
    other = "restore" if drill == "rollback" else "rollback"
    known = {alarms.ours("drill_age_days", drill=other): [1.0]}
    world = World()
    for metric, values in known.items():
        world.put(metric, range(120), values)

    states = alarms.states(f"DrillOverdue{alarm}", world, 120)

    assert states == [State.ALARM] * 120


@pytest.mark.parametrize("older_periods", OLDER)
def test_no_word_of_a_backup_is_a_bad_word(alarms: Deployed, older_periods: int) -> None:
    age = alarms.ours("backup_verified_age_hours")
    after = fires_after(
        alarms, "BackupUnverified", {age: [1.0]}, {}, 4 * HOURS, older_periods=older_periods
    )

    # As long as CloudWatch still finds a good point beyond the window, it takes that.
    assert after == 15 + older_periods


@pytest.mark.parametrize(
    ("alarm", "queue"), [("Accept", "accept-dead-letters"), ("Delivery", "delivery-dead-letters")]
)
def test_one_message_among_a_queues_dead_letters(alarms: Deployed, alarm: str, queue: str) -> None:
    visible = alarms.queue(queue, "ApproximateNumberOfMessagesVisible")

    name = f"QueueDeadLetters{alarm}"
    assert fires_after(alarms, name, {visible: [0.0]}, {visible: [1.0]}, 1) == 1
    assert fires_after(alarms, name, {visible: [0.0]}, {visible: [0.0]}, 60) is NEVER


@pytest.mark.parametrize("older_periods", OLDER)
@pytest.mark.parametrize(("messages", "stays"), [(0.0, State.OK), (1.0, State.ALARM)])
@pytest.mark.parametrize("kind", ["accept", "delivery"])
def test_a_queue_that_sqs_no_longer_reports_keeps_its_alarm(
    alarms: Deployed, kind: str, messages: float, stays: State, older_periods: int
) -> None:
    """After six hours without a call SQS stops reporting; the dead letter lies there still."""
    world = World()
    visible = alarms.queue(f"{kind}-dead-letters", "ApproximateNumberOfMessagesVisible")
    world.put(visible, range(30), [messages])

    name = f"QueueDeadLetters{kind.capitalize()}"
    states = alarms.states(name, world, 90, older_periods=older_periods)

    assert states == [stays] * 90


def test_a_message_that_waits_a_quarter_of_an_hour_to_be_stored(alarms: Deployed) -> None:
    age = alarms.queue("accept", "ApproximateAgeOfOldestMessage")

    assert fires_after(alarms, "AcceptQueueAgeOldest", {age: [0.0]}, {age: [901.0]}, 4) is NEVER
    assert fires_after(alarms, "AcceptQueueAgeOldest", {age: [0.0]}, {age: [901.0]}, 5) == 5
    assert fires_after(alarms, "AcceptQueueAgeOldest", {age: [0.0]}, {age: [900.0]}, 60) is NEVER
    assert fires_after(alarms, "AcceptQueueAgeOldest", {age: [0.0]}, {}, 60) is NEVER


def test_deliveries_that_no_worker_takes(alarms: Deployed) -> None:
    age = alarms.queue("delivery", "ApproximateAgeOfOldestMessage")
    waiting = alarms.queue("delivery", "ApproximateNumberOfMessagesVisible")
    good = {age: [0.0], waiting: [0.0]}
    stuck, retried = {age: [901.0], waiting: [40.0]}, {age: [80_000.0], waiting: [0.0]}

    name = "DeliveryQueueAgeWaiting"
    assert fires_after(alarms, name, good, stuck, 9) is NEVER
    assert fires_after(alarms, name, good, stuck, 10) == 10
    assert fires_after(alarms, name, good, {**stuck, age: [900.0]}, 60) is NEVER
    # A destination that is down for a day is its tenant's matter, and ends as dead letters.
    assert fires_after(alarms, name, good, retried, 60) is NEVER


@pytest.mark.parametrize("late", [0, 1, 2])
@pytest.mark.parametrize("older_periods", OLDER)
@pytest.mark.parametrize("conflicts", [[1.0], [3.0, 1.0]])
def test_a_conflict_after_queueing_is_told_once_and_stays_for_an_hour(
    alarms: Deployed, conflicts: list[float], older_periods: int, late: int
) -> None:
    """There is a line of a conflict and of nothing else: before it the metric is not known."""
    world = World()
    world.put(alarms.ours("conflicts_after_queued"), [100], conflicts)

    states = alarms.states(
        "ConflictAfterQueued", world, 400, older_periods=older_periods, late_minutes=late
    )

    in_alarm = [minute for minute, state in enumerate(states) if state is State.ALARM]
    assert in_alarm == list(range(100 + late, 160))


@pytest.mark.parametrize("older_periods", OLDER)
@pytest.mark.parametrize(
    ("alarm", "metric", "good", "bad"),
    [
        ("DeadLetters", "dead_letters", 0, 1),
        ("QuietSources", "quiet_sources", 0, 1),
        ("DeliveryQueueAgeDue", "oldest_pending_seconds", 0, 301),
        ("PartitionsAhead", "partitions_days_ahead", 14, 6),
        ("SecretAge", "secret_age_days", 10, 91),
    ],
)
def test_what_the_watcher_said_last_is_believed_while_it_is_silent(
    alarms: Deployed, alarm: str, metric: str, good: float, bad: float, older_periods: int
) -> None:
    for value, stays in ((good, State.OK), (bad, State.ALARM)):
        world = World()
        world.put(alarms.ours(metric), range(30), [float(value)])

        states = alarms.states(alarm, world, 90, older_periods=older_periods)

        assert states[29:] == [stays] * 61


@pytest.mark.parametrize("older_periods", OLDER)
@pytest.mark.parametrize("alarm", ["AcceptQueueAgeOldest", "DeliveryQueueAgeWaiting"])
def test_a_queue_of_which_sqs_says_no_more_is_empty(
    alarms: Deployed, alarm: str, older_periods: int
) -> None:
    world = World()
    for queue in ("accept", "delivery"):
        world.put(alarms.queue(queue, "ApproximateAgeOfOldestMessage"), range(30), [5000.0])
        world.put(alarms.queue(queue, "ApproximateNumberOfMessagesVisible"), range(30), [5.0])

    states = alarms.states(alarm, world, 90, older_periods=older_periods)

    assert states[29] is State.ALARM
    assert State.ALARM not in states[30 + older_periods :]
