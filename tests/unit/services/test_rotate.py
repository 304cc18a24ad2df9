"""The four steps, crashed anywhere, repeated, and done twice at once."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import pytest

from tests.rotation_stand import NAMES, NOW, OLD_TOKEN, RING, RotationStand
from tests.secret_versions import PENDING
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.errors import SecretUnavailableError
from tillgate.domain.rotation import PlatformSecret, RotationRefusedError, Step
from tillgate.domain.token_secret import token_secret

if TYPE_CHECKING:
    from collections.abc import Callable


class Crash(BaseException):
    """The sandbox dies here: nothing of ours catches it."""


@pytest.fixture
def stand() -> RotationStand:
    return RotationStand()


def test_a_rotated_ring_is_the_old_one_and_a_new_key_that_seals(stand: RotationStand) -> None:
    sealed = KeyRingSecretBox(lambda: json.dumps(RING)).seal(b"x", context="c")

    stand.whole("arn:ring")

    box = KeyRingSecretBox(lambda: json.dumps(stand.ring()))
    assert list(stand.ring()) == ["k1", "k2-2026-11-23"]
    assert box.open(sealed, context="c") == b"x"
    assert box.seal(b"x", context="c")[2:15] == b"k2-2026-11-23"
    assert len(stand.ring()["k2-2026-11-23"]) == 64


def test_a_rotated_token_leaves_the_one_before_good_for_its_overlap(stand: RotationStand) -> None:
    stand.whole("arn:op")

    token, previous = token_secret(stand.secrets.current["arn:op"])
    assert (len(token), token.isalnum(), token != OLD_TOKEN) == (48, True, True)
    assert previous == (OLD_TOKEN, NOW + timedelta(days=7))


def test_rotations_one_after_the_other_go_on_from_each_other(stand: RotationStand) -> None:
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
    counted = RotationStand()
    counted.whole(secret_id)
    return len(counted.client.calls)


@pytest.mark.parametrize("secret_id", NAMES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rotation_that_dies_at_any_call_is_finished_by_the_next_try(
    secret_id: str, when: str
) -> None:
    for place in range(calls_of_a_rotation(secret_id)):
        stand = RotationStand()
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


def assert_rotated_once(stand: RotationStand, secret_id: str, version: str) -> None:
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
def test_every_step_may_come_twice_and_too_late(stand: RotationStand, secret_id: str) -> None:
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


def test_a_version_that_has_a_value_is_given_no_other(stand: RotationStand) -> None:
    """Emulators overwrite what AWS refuses."""
    version = stand.secrets.begin_rotation("arn:op")
    stand.rotate.run(Step.CREATE, "arn:op", version)
    stand.client.calls.clear()

    stand.rotate.run(Step.CREATE, "arn:op", version)

    assert "PutSecretValue" not in stand.client.calls


@pytest.mark.parametrize("secret_id", NAMES)
def test_steps_that_meet_make_one_version_and_one_value(secret_id: str) -> None:
    for _ in range(10):
        stand = RotationStand()
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


@pytest.mark.parametrize("step", Step)
def test_what_is_no_rotation_under_way_is_refused(stand: RotationStand, step: Step) -> None:
    before = dict(stand.secrets.current)
    version = stand.secrets.begin_rotation("arn:op")
    stand.secrets.versions("arn:op")[version].labels.clear()

    assert stand.refusal(step, "arn:op", "f" * 32) == "no-version"
    assert stand.refusal(step, "arn:op", version) in {"no-version", "not-pending"}
    assert stand.secrets.current == before
    with pytest.raises(RotationRefusedError, match="no secret that is rotated here"):
        stand.rotate.run(step, "arn:else", version)


@pytest.mark.parametrize("secret_id", NAMES)
def test_a_copy_passes_by_which_a_new_schedule_is_tried(
    stand: RotationStand, secret_id: str
) -> None:
    version = stand.begin(secret_id, stand.secrets.current[secret_id])

    said = stand.rotate.run(Step.TEST, secret_id, version)
    assert said == {"secret": NAMES[secret_id], "step": Step.TEST}


def test_a_step_before_there_is_a_value_is_refused(stand: RotationStand) -> None:
    version = stand.secrets.begin_rotation("arn:op")

    assert stand.refusal(Step.TEST, "arn:op", version) == "no-value"
    assert stand.refusal(Step.FINISH, "arn:op", version) == "no-value"


def test_a_ring_that_grew_by_hand_meanwhile_is_not_replaced_by_one_without_that_key(
    stand: RotationStand,
) -> None:
    version = stand.secrets.begin_rotation("arn:ring")
    stand.rotate.run(Step.CREATE, "arn:ring", version)
    stand.secrets.current["arn:ring"] = json.dumps({**RING, "by hand": "three"})

    assert stand.refusal(Step.FINISH, "arn:ring", version) == "key-needed"
    assert list(stand.ring()) == ["k1", "by hand"]


def test_a_version_that_becomes_current_between_the_check_and_the_swap_stays(
    stand: RotationStand,
) -> None:
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
    assert stand.refusal(Step.FINISH, "arn:op", version) == "current-moved"
    assert stand.secrets.current["arn:op"] == other


def test_after_a_leak_the_overlap_is_taken_back_at_once(stand: RotationStand) -> None:
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


def test_an_overlap_that_is_taken_back_during_a_rotation_loses_no_new_token(
    stand: RotationStand,
) -> None:
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


def test_a_ring_has_no_overlap_to_take_back(stand: RotationStand) -> None:
    stand.whole("arn:ring")

    assert stand.rotate.end_overlap(PlatformSecret.KEY_RING)["is_done_before"] is True
    assert len(stand.ring()) == 2


def test_how_old_secrets_are_is_noted_each_day_and_by_a_rotation(stand: RotationStand) -> None:
    stand.secrets.versions("arn:op"), stand.secrets.versions("arn:ring")
    stand.now += timedelta(days=91, hours=5)

    assert stand.rotate.note() == {"key-ring": 91, "operator": 91}
    stand.whole("arn:op")
    assert {note.name: note.made_at for note in stand.notes.notes} == {
        "key-ring": NOW,
        "operator": stand.now,
    }
    assert {note.first_made_at for note in stand.notes.notes} == {NOW}


def test_a_rotation_is_finished_though_nobody_can_note_it(stand: RotationStand) -> None:
    stand.notes.is_down = True

    stand.whole("arn:op")

    assert token_secret(stand.secrets.current["arn:op"]).token != OLD_TOKEN


def test_without_secrets_manager_a_step_fails_and_changes_nothing(stand: RotationStand) -> None:
    version = stand.secrets.begin_rotation("arn:op")
    del stand.secrets.current["arn:op"]

    with pytest.raises(SecretUnavailableError):
        stand.rotate.run(Step.CREATE, "arn:op", version)
