"""The four steps, crashed anywhere, repeated, and done twice at once."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import pytest

from tests.rotation_fakes import InMemorySealedRows, InMemorySecretNotes
from tests.secret_versions import PENDING, VersionedSecrets, VersionsClient
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.secret_versions import SecretsManagerVersions
from tillgate.domain.errors import SecretUnavailableError, StoreUnavailableError
from tillgate.domain.key_ring import KEPT_DAYS
from tillgate.domain.rotation import PlatformSecret, RotationRefusedError, Step
from tillgate.domain.token_secret import token_secret
from tillgate.services.rotate import RotateSecret
from tillgate.services.rotated_secrets import RotatedKeyRing, RotatedToken

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
NAMES = {"arn:ring": PlatformSecret.KEY_RING, "arn:op": PlatformSecret.OPERATOR}
OLD_TOKEN = "o" * 48
RING = {"k1": "one"}


class Crash(BaseException):
    """The sandbox dies here: nothing of ours catches it."""


class Stand:
    """Two secrets and whoever rotates them; ``now`` may be set."""

    def __init__(self) -> None:
        self.now = NOW
        self.secrets = VersionedSecrets(
            {"arn:ring": json.dumps(RING), "arn:op": json.dumps({"token": OLD_TOKEN})}
        )
        self.secrets.clock = lambda: self.now.timestamp()  # noqa: PLW0108  Of the time that is set later.
        self.client = VersionsClient(self.secrets)
        self.rows = InMemorySealedRows()
        self.notes = InMemorySecretNotes()
        self.rotate = RotateSecret(
            SecretsManagerVersions(self.client),  # type: ignore[arg-type]  # As much as is used.
            self.notes,
            names=NAMES,
            kinds={
                PlatformSecret.KEY_RING: RotatedKeyRing(
                    self.rows, make_box=lambda text: KeyRingSecretBox(lambda: text)
                ),
                PlatformSecret.OPERATOR: RotatedToken(overlap=timedelta(days=7)),
            },
            clock=lambda: self.now,
        )

    def whole(self, secret_id: str) -> str:
        """Rotate it, as Secrets Manager does; give the version's id."""
        version = self.secrets.begin_rotation(secret_id)
        for step in Step:
            self.rotate.run(step, secret_id, version)
        return version

    def ring(self) -> dict[str, str]:
        ring: dict[str, str] = json.loads(self.secrets.current["arn:ring"])
        return ring


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_a_rotated_ring_is_the_old_one_and_a_new_key_that_seals(stand: Stand) -> None:
    sealed = KeyRingSecretBox(lambda: json.dumps(RING)).seal(b"x", context="c")

    stand.whole("arn:ring")

    box = KeyRingSecretBox(lambda: json.dumps(stand.ring()))
    assert list(stand.ring()) == ["k1", "k2-2026-11-23"]
    assert box.open(sealed, context="c") == b"x"
    assert box.seal(b"x", context="c")[2:15] == b"k2-2026-11-23"
    assert len(stand.ring()["k2-2026-11-23"]) == 64


def test_a_rotated_token_leaves_the_one_before_good_for_its_overlap(stand: Stand) -> None:
    stand.whole("arn:op")

    token, previous = token_secret(stand.secrets.current["arn:op"])
    assert (len(token), token.isalnum(), token != OLD_TOKEN) == (48, True, True)
    assert previous == (OLD_TOKEN, NOW + timedelta(days=7))


def test_rotations_one_after_the_other_go_on_from_each_other(stand: Stand) -> None:
    tokens = []
    for _ in range(3):
        stand.whole("arn:op")
        stand.whole("arn:ring")
        stand.now += timedelta(days=90)
        tokens.append(token_secret(stand.secrets.current["arn:op"]))

    assert [t.previous and t.previous.token for t in tokens[1:]] == [t.token for t in tokens[:2]]
    assert list(stand.ring()) == ["k1", "k2-2026-11-23", "k3-2027-02-21", "k4-2027-05-22"]


def crash_at(place: int, when: str) -> Callable[[int, Literal["before", "after"]], None]:
    def on_call(at: int, moment: Literal["before", "after"]) -> None:
        if (at, moment) == (place, when):
            raise Crash

    return on_call


def calls_of_a_rotation(secret_id: str) -> int:
    counted = Stand()
    counted.whole(secret_id)
    return len(counted.client.calls)


@pytest.mark.parametrize("secret_id", NAMES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rotation_that_dies_at_any_call_is_finished_by_the_next_try(
    secret_id: str, when: str
) -> None:
    for place in range(calls_of_a_rotation(secret_id)):
        stand = Stand()
        stand.client.on_call = crash_at(place, when)
        version, died = stand.secrets.begin_rotation(secret_id), 0
        for step in Step:
            try:
                stand.rotate.run(step, secret_id, version)
            except Crash:
                died += 1
                stand.rotate.run(step, secret_id, version)
        assert died == 1, (place, when)
        assert_rotated_once(stand, secret_id, version)


def assert_rotated_once(stand: Stand, secret_id: str, version: str) -> None:
    versions = stand.secrets.versions(secret_id)
    assert len(versions) == 2
    assert versions[version].labels == {"AWSCURRENT", PENDING}
    assert versions[version].text == stand.secrets.current[secret_id]
    if secret_id == "arn:ring":
        assert stand.ring().items() >= RING.items()
        assert len(stand.ring()) == 2
    else:
        previous = token_secret(stand.secrets.current["arn:op"]).previous
        assert previous is not None
        assert previous.token == OLD_TOKEN


@pytest.mark.parametrize("secret_id", NAMES)
def test_every_step_may_come_twice_and_too_late(stand: Stand, secret_id: str) -> None:
    version = stand.secrets.begin_rotation(secret_id)
    for step in Step:
        for _ in range(2):
            stand.rotate.run(step, secret_id, version)
    value = stand.secrets.current[secret_id]

    for step in Step:
        said = stand.rotate.run(step, secret_id, version)
        assert said == {"secret": NAMES[secret_id], "step": step, "is_done_before": True}
    assert stand.secrets.current[secret_id] == value
    assert_rotated_once(stand, secret_id, version)


@pytest.mark.parametrize("secret_id", NAMES)
def test_steps_that_meet_make_one_version_and_one_value(secret_id: str) -> None:
    for _ in range(10):
        stand = Stand()
        version = stand.secrets.begin_rotation(secret_id)
        for step in Step:
            at_once(partial(stand.rotate.run, step, secret_id, version))
        assert_rotated_once(stand, secret_id, version)


def at_once(work: Callable[[], object]) -> None:
    """Do it four times at the same time; raise what one of them raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001  It is raised again below.
            raised.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def refusal(stand: Stand, step: Step, secret_id: str, version: str) -> str:
    with pytest.raises(RotationRefusedError) as caught:
        stand.rotate.run(step, secret_id, version)
    return caught.value.code


@pytest.mark.parametrize("step", Step)
def test_what_is_no_rotation_under_way_is_refused(stand: Stand, step: Step) -> None:
    before = dict(stand.secrets.current)
    version = stand.secrets.begin_rotation("arn:op")
    stand.secrets.versions("arn:op")[version].labels.clear()

    assert refusal(stand, step, "arn:op", "f" * 32) == "no-version"
    assert refusal(stand, step, "arn:op", version) in {"no-version", "not-pending"}
    assert stand.secrets.current == before
    with pytest.raises(RotationRefusedError, match="no secret that is rotated here"):
        stand.rotate.run(step, "arn:else", version)


def pending(stand: Stand, secret_id: str, text: str) -> str:
    version = stand.secrets.begin_rotation(secret_id)
    stand.secrets.versions(secret_id)[version].text = text
    return version


@pytest.mark.parametrize("step", [Step.TEST, Step.FINISH])
@pytest.mark.parametrize(
    ("ring", "code"),
    [
        ({"k2-2026-11-23": "two"}, "key-needed"),
        ({"k1": "other", "k2-2026-11-23": "two"}, "key-changed"),
        ({"k2-2026-11-23": "two", "k1": "one"}, "ring-differs"),
        ({"k1": "one", "k2": "two", "k3": "three"}, "ring-differs"),
        ({"k1": "one", "ключ": "two"}, "seal-broken"),
        ([], "no-ring"),
    ],
)
def test_a_ring_that_would_lose_or_change_a_key_never_becomes_current(
    stand: Stand, step: Step, ring: object, code: str
) -> None:
    version = pending(stand, "arn:ring", json.dumps(ring))

    assert refusal(stand, step, "arn:ring", version) == code
    assert stand.ring() == RING


@pytest.mark.parametrize("step", [Step.TEST, Step.FINISH])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"token": "short"}, "token-malformed"),
        ({"token": "with a space in it, and long enough for a token"}, "token-malformed"),
        ({"token": "n" * 48}, "previous-differs"),
        (
            {"token": "n" * 48, "previous": {"token": "x", "good_until": "2027-01-01T00:00:00Z"}},
            "previous-differs",
        ),
        (
            {
                "token": "n" * 48,
                "previous": {"token": OLD_TOKEN, "good_until": "2026-11-29T03:59:59Z"},
            },
            "overlap-short",
        ),
        ({}, "no-token"),
    ],
)
def test_a_token_that_would_lock_its_holders_out_never_becomes_current(
    stand: Stand, step: Step, value: object, code: str
) -> None:
    version = pending(stand, "arn:op", json.dumps(value))

    assert refusal(stand, step, "arn:op", version) == code
    assert json.loads(stand.secrets.current["arn:op"]) == {"token": OLD_TOKEN}


@pytest.mark.parametrize("secret_id", NAMES)
def test_a_copy_passes_by_which_a_new_schedule_is_tried(stand: Stand, secret_id: str) -> None:
    version = pending(stand, secret_id, stand.secrets.current[secret_id])

    said = stand.rotate.run(Step.TEST, secret_id, version)
    assert said == {"secret": NAMES[secret_id], "step": Step.TEST}


def test_a_step_before_there_is_a_value_is_refused(stand: Stand) -> None:
    version = stand.secrets.begin_rotation("arn:op")

    assert refusal(stand, Step.TEST, "arn:op", version) == "no-value"
    assert refusal(stand, Step.FINISH, "arn:op", version) == "no-value"


def test_a_ring_that_grew_by_hand_meanwhile_is_not_replaced_by_one_without_that_key(
    stand: Stand,
) -> None:
    version = stand.secrets.begin_rotation("arn:ring")
    stand.rotate.run(Step.CREATE, "arn:ring", version)
    stand.secrets.current["arn:ring"] = json.dumps({**RING, "by hand": "three"})

    assert refusal(stand, Step.FINISH, "arn:ring", version) == "key-needed"
    assert list(stand.ring()) == ["k1", "by hand"]


def test_a_version_that_becomes_current_between_the_check_and_the_swap_stays(stand: Stand) -> None:
    version = stand.secrets.begin_rotation("arn:op")
    stand.rotate.run(Step.CREATE, "arn:op", version)
    other = json.dumps({"token": "b" * 48})

    def on_call(place: int, when: str) -> None:
        if when == "before" and stand.client.calls[place] == "UpdateSecretVersionStage":
            stand.client.on_call = lambda _n, _when: None
            stand.secrets.answer(
                "secretsmanager.PutSecretValue",
                {"SecretId": "arn:op", "ClientRequestToken": "c" * 32, "SecretString": other},
            )

    stand.client.on_call = on_call
    assert refusal(stand, Step.FINISH, "arn:op", version) == "current-moved"
    assert stand.secrets.current["arn:op"] == other


def old_ring(stand: Stand) -> list[str]:
    """Give the ring five keys, of which the first two stopped sealing long ago."""
    days = [NOW.date() - timedelta(days=age) for age in (KEPT_DAYS + 9, KEPT_DAYS, 180, 90)]
    kids = ["k1", *(f"k{n}-{day}" for n, day in enumerate(days, start=2))]
    stand.secrets.current["arn:ring"] = json.dumps({kid: f"text of {kid}" for kid in kids})
    return kids


def test_keys_leave_that_nothing_can_need_and_the_line_says_which(stand: Stand) -> None:
    kids = old_ring(stand)
    stand.rows.add("app.sealed_secret", kids[1])
    version = stand.secrets.begin_rotation("arn:ring")

    said = stand.rotate.run(Step.CREATE, "arn:ring", version)
    for step in (Step.SET, Step.TEST, Step.FINISH):
        stand.rotate.run(step, "arn:ring", version)

    assert said["dropped"] == ["k1"]
    assert said["made"] == "k6-2026-11-23"
    assert list(stand.ring()) == [*kids[1:], "k6-2026-11-23"]
    assert not any(text in str(said) for text in stand.ring().values())


def test_no_key_leaves_while_nobody_can_tell_what_names_it(stand: Stand) -> None:
    kids = old_ring(stand)
    stand.rows.is_down = True
    version = stand.secrets.begin_rotation("arn:ring")

    said = stand.rotate.run(Step.CREATE, "arn:ring", version)
    stand.rotate.run(Step.FINISH, "arn:ring", version)

    assert (said["dropped"], said["is_unused_known"]) == ([], False)
    assert list(stand.ring()) == [*kids, "k6-2026-11-23"]


def test_a_key_that_was_named_after_all_stops_the_rotation_that_drops_it(stand: Stand) -> None:
    kids = old_ring(stand)
    version = stand.secrets.begin_rotation("arn:ring")
    assert stand.rotate.run(Step.CREATE, "arn:ring", version)["dropped"] == kids[:2]
    stand.rows.add("source.sealed_secret", "k1")

    assert refusal(stand, Step.FINISH, "arn:ring", version) == "key-needed"
    stand.rows.is_down = True
    with pytest.raises(StoreUnavailableError):
        stand.rotate.run(Step.FINISH, "arn:ring", version)
    assert len(stand.ring()) == 5


def test_after_a_leak_the_overlap_is_taken_back_at_once(stand: Stand) -> None:
    stand.whole("arn:op")
    new = token_secret(stand.secrets.current["arn:op"]).token

    said = stand.rotate.end_overlap(PlatformSecret.OPERATOR)
    again = stand.rotate.end_overlap(PlatformSecret.OPERATOR)

    assert said == {"secret": "operator", "is_overlap_ended": True}
    assert again == {"secret": "operator", "is_done_before": True}
    assert json.loads(stand.secrets.current["arn:op"]) == {"token": new}
    # And the next rotation is as ever.
    stand.whole("arn:op")
    assert token_secret(stand.secrets.current["arn:op"]).previous is not None


def test_an_overlap_that_is_taken_back_during_a_rotation_loses_no_new_token(stand: Stand) -> None:
    stand.whole("arn:op")
    version = stand.secrets.begin_rotation("arn:op")
    stand.rotate.run(Step.CREATE, "arn:op", version)

    def on_call(place: int, when: str) -> None:
        if when == "before" and stand.client.calls[place] == "UpdateSecretVersionStage":
            stand.client.on_call = lambda _n, _when: None
            stand.rotate.run(Step.FINISH, "arn:op", version)

    stand.client.on_call = on_call
    with pytest.raises(RotationRefusedError, match="try again"):
        stand.rotate.end_overlap(PlatformSecret.OPERATOR)
    assert stand.secrets.current["arn:op"] == stand.secrets.versions("arn:op")[version].text


def test_a_ring_has_no_overlap_to_take_back(stand: Stand) -> None:
    stand.whole("arn:ring")

    assert stand.rotate.end_overlap(PlatformSecret.KEY_RING)["is_done_before"] is True
    assert len(stand.ring()) == 2


def test_how_old_secrets_are_is_noted_each_day_and_by_a_rotation(stand: Stand) -> None:
    stand.secrets.versions("arn:op"), stand.secrets.versions("arn:ring")
    stand.now += timedelta(days=91, hours=5)

    assert stand.rotate.note() == {"key-ring": 91, "operator": 91}
    stand.whole("arn:op")
    assert {note.name: note.made_at for note in stand.notes.notes} == {
        "key-ring": NOW,
        "operator": stand.now,
    }
    assert {note.first_made_at for note in stand.notes.notes} == {NOW}


def test_a_rotation_is_finished_though_nobody_can_note_it(stand: Stand) -> None:
    stand.notes.is_down = True

    stand.whole("arn:op")

    assert token_secret(stand.secrets.current["arn:op"]).token != OLD_TOKEN


def test_without_secrets_manager_a_step_fails_and_changes_nothing(stand: Stand) -> None:
    version = stand.secrets.begin_rotation("arn:op")
    del stand.secrets.current["arn:op"]

    with pytest.raises(SecretUnavailableError):
        stand.rotate.run(Step.CREATE, "arn:op", version)
