from __future__ import annotations

import json

import pytest

from tillgate.domain.errors import SecretUnavailableError, UnauthenticatedError
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
    secret.now += 5

    gate.admit("Bearer new")


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
