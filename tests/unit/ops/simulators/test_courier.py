"""Requests over HTTP: what comes back, and what does not."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import httpx
import pytest

from ops.simulators.courier import HttpCourier
from ops.simulators.simulator import Delivery
from ops.simulators.tally import percentile

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.simulators.promises import Answer

DELIVERY = Delivery(
    provider="square", body=b'{"a":1}', headers={"X-Sign": "s"}, events=(), secret="k"
)


def sent(*tickets: int, by: Callable[[httpx.Request], httpx.Response]) -> dict[int, Answer]:
    paused: list[float] = []
    courier = HttpCourier(
        "http://127.0.0.1/v1/hooks/square/1",
        answer_seconds=5.0,
        at_once=2,
        is_local=True,
        pause=paused.append,
        transport=httpx.MockTransport(by),
    )
    answers: dict[int, Answer] = {}
    with closing(courier):
        for ticket in tickets:
            courier.post(ticket, DELIVERY)
        while courier.in_flight:
            answers |= courier.wait(5.0)
        assert courier.wait(2.0) == []
    # Nothing is awaited any more: it lets the time pass.
    assert paused == [2.0]
    return answers


def test_every_delivery_is_answered_under_its_ticket_with_the_bytes_that_were_signed() -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-Sign"] == "s"
        return httpx.Response(200, content=request.content)

    answers = sent(1, 2, 3, by=echo)

    assert answers.keys() == {1, 2, 3}
    assert {(answer.status, answer.text) for answer in answers.values()} == {(200, '{"a":1}')}


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    def move(_: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "http://127.0.0.1/elsewhere"})

    assert sent(1, by=move)[1].status == 302


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), RuntimeError("odd")])
def test_what_fails_is_no_answer_with_its_reason(error: Exception) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    answer = sent(1, by=fail)[1]

    assert (answer.status, answer.error) == (None, str(error))


def test_of_an_endless_answer_only_so_much_is_read() -> None:
    def go_on(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(b"x" * 10_000 for _ in count()))

    answer = sent(1, by=go_on)[1]

    assert len(answer.text) < 100_000
    assert answer.counts is None


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert (percentile(values, 50), percentile(values, 95)) == (50.0, 95.0)
    assert (percentile([0.3], 95), percentile([], 50)) == (0.3, None)
