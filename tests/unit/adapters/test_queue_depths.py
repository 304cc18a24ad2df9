from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.queue_depths import SqsQueueDepths

if TYPE_CHECKING:
    from collections.abc import Mapping

FULL = {
    "ApproximateNumberOfMessages": "3",
    "ApproximateNumberOfMessagesNotVisible": "2",
    "ApproximateNumberOfMessagesDelayed": "1",
}


class AttributesSqs(AwsJsonClient):
    """Answers for each queue by its URL; an unknown one gives no answer."""

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        self._answers = answers
        self.within: list[float | None] = []

    def call(
        self, target: str, request: Mapping[str, object], *, within_seconds: float | None = None
    ) -> dict[str, Any]:
        assert target == "AmazonSQS.GetQueueAttributes"
        assert set(FULL) == set(request["AttributeNames"])  # type: ignore[call-overload]  # A list.
        self.within.append(within_seconds)
        if request["QueueUrl"] not in self._answers:
            raise AwsError("down")
        return self._answers[str(request["QueueUrl"])]


def test_a_message_counts_whether_it_waits_is_in_work_or_delayed() -> None:
    sqs = AttributesSqs({"u/accept": {"Attributes": FULL}})
    depths = SqsQueueDepths(sqs, urls={"accept": "u/accept"}, within_seconds=1.0)

    assert depths.depths() == {"accept": 6}
    assert sqs.within == [1.0]


@pytest.mark.parametrize(
    "answer",
    [{}, {"Attributes": None}, {"Attributes": {}}, {"Attributes": dict.fromkeys(FULL, "many")}],
)
def test_a_queue_whose_answer_is_none_is_left_out(answer: dict[str, Any]) -> None:
    sqs = AttributesSqs({"u/accept": answer, "u/delivery": {"Attributes": FULL}})
    urls = {"accept": "u/accept", "delivery": "u/delivery", "redrive": "u/redrive"}

    assert SqsQueueDepths(sqs, urls=urls, within_seconds=1.0).depths() == {"delivery": 6}
