from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tillgate.domain.errors import SecretUnavailableError, UnauthenticatedError
from tillgate.domain.token_secret import PreviousToken, TokenSecret
from tillgate.services.operator import OperatorGate, TokenGate


class Secret:
    """A secret that can be changed, and a clock that can be set."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reads = 0
        self.now = 1_000.0

    def read(self) -> str:
        self.reads += 1
        return self.text


@pytest.fixture
def secret() -> Secret:
    return Secret(json.dumps({"token": "right"}))


@pytest.fixture
def gate(secret: Secret) -> OperatorGate:
    return OperatorGate(secret.read, clock=lambda: secret.now)


def test_right_token_is_let_in_and_read_once(gate: OperatorGate, secret: Secret) -> None:
    for _ in range(3):
        gate.admit("Bearer right")

    assert secret.reads == 1


@pytest.mark.parametrize(
    "authorization", [None, "", "right", "Basic right", "Bearer", "Bearer wrong", "Bearer rigHt"]
)
def test_everything_else_is_refused_alike(gate: OperatorGate, authorization: str | None) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        gate.admit(authorization)

    assert str(caught.value) == "Send the operator's token: Authorization: Bearer <token>"


def test_what_another_token_opens_says_which(secret: Secret) -> None:
    gate = TokenGate(secret.read, name="metrics", clock=lambda: secret.now)

    gate.admit("Bearer right")

    with pytest.raises(UnauthenticatedError, match="Send the metrics token"):
        gate.admit("Bearer wrong")


def test_no_token_reads_no_secret(gate: OperatorGate, secret: Secret) -> None:
    with pytest.raises(UnauthenticatedError):
        gate.admit(None)

    assert secret.reads == 0


def test_new_token_is_noticed_by_being_offered(gate: OperatorGate, secret: Secret) -> None:
    gate.admit("Bearer right")
    secret.text = json.dumps({"token": "new"})
    secret.now += 0.1

    gate.admit("Bearer new")


def test_a_guess_without_secrets_manager_locks_nobody_out(
    gate: OperatorGate, secret: Secret
) -> None:
    gate.admit("Bearer right")
    secret.text, secret.now = "", secret.now + 1

    with pytest.raises(SecretUnavailableError):
        gate.admit("Bearer guess")
    gate.admit("Bearer right")


def test_old_token_stops_within_a_minute(gate: OperatorGate, secret: Secret) -> None:
    gate.admit("Bearer right")
    secret.text = json.dumps({"token": "new"})
    secret.now += 60

    with pytest.raises(UnauthenticatedError):
        gate.admit("Bearer right")


def test_guessing_reads_the_secret_once_in_five_seconds(gate: OperatorGate, secret: Secret) -> None:
    for _ in range(50):
        with pytest.raises(UnauthenticatedError):
            gate.admit("Bearer guess")
        secret.now += 0.1

    assert secret.reads <= 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"token": ""}', '{"token": 5}', "null"])
def test_secret_without_a_token_lets_nobody_in(secret: Secret, text: str) -> None:
    secret.text = text

    with pytest.raises(SecretUnavailableError):
        OperatorGate(secret.read, clock=lambda: 0).admit("Bearer right")


ROTATED = TokenSecret("new", PreviousToken("right", datetime.fromtimestamp(2_000, UTC))).text()


@pytest.fixture
def matched() -> list[str]:
    return []


@pytest.fixture
def rotated(secret: Secret, matched: list[str]) -> TokenGate:
    secret.text = ROTATED
    return OperatorGate(secret.read, clock=lambda: secret.now, on_match=matched.append)


def test_both_tokens_of_a_rotation_are_let_in_and_told_apart(
    rotated: TokenGate, matched: list[str]
) -> None:
    for token in ("right", "new", "new"):
        rotated.admit(f"Bearer {token}")

    assert matched == ["previous", "current", "current"]


def test_the_token_before_ends_at_its_time_and_no_later(
    rotated: TokenGate, secret: Secret, matched: list[str]
) -> None:
    secret.now = 1_999.9
    rotated.admit("Bearer right")
    secret.now = 2_000.0

    with pytest.raises(UnauthenticatedError):
        rotated.admit("Bearer right")
    rotated.admit("Bearer new")
    assert matched == ["previous", "current"]


def test_an_overlap_that_is_taken_back_ends_within_a_minute(
    rotated: TokenGate, secret: Secret
) -> None:
    rotated.admit("Bearer right")
    secret.text = TokenSecret("new").text()
    secret.now += 60

    with pytest.raises(UnauthenticatedError):
        rotated.admit("Bearer right")


def test_a_version_that_knows_no_previous_reads_the_new_token() -> None:
    assert json.loads(ROTATED)["token"] == "new"


@pytest.mark.parametrize(
    "previous",
    [
        None,
        5,
        "right",
        [],
        {},
        {"token": "right"},
        {"token": "", "good_until": "2026-01-01T00:00:00Z"},
        {"token": 5, "good_until": "2026-01-01T00:00:00Z"},
        {"token": "right", "good_until": "soon"},
        {"token": "right", "good_until": "2026-01-01T00:00:00"},
    ],
)
def test_a_previous_that_cannot_be_read_locks_nobody_out(secret: Secret, previous: object) -> None:
    secret.text = json.dumps({"token": "new", "previous": previous})
    gate = OperatorGate(secret.read, clock=lambda: secret.now)

    gate.admit("Bearer new")
    with pytest.raises(UnauthenticatedError):
        gate.admit("Bearer right")
