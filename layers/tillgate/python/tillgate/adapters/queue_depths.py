"""How many messages each of our queues holds, as SQS estimates it.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.adapters.aws.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.adapters.aws.json_client import AwsJsonClient

# Those that wait, those in work, and those that are not to be seen yet.
ATTRIBUTES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsQueueDepths:
    """Implements QueueDepths; ``urls`` are the queues', by the names that we give them."""

    def __init__(
        self, sqs: AwsJsonClient, *, urls: Mapping[str, str], within_seconds: float
    ) -> None:
        self._sqs = sqs
        self._urls = urls
        self._within_seconds = within_seconds

    def depths(self) -> dict[str, int]:
        found = {}
        for name, url in self._urls.items():
            messages = self._messages(url)
            if messages is not None:
                found[name] = messages
        return found

    def _messages(self, url: str) -> int | None:
        try:
            answer = self._sqs.call(
                "AmazonSQS.GetQueueAttributes",
                {"QueueUrl": url, "AttributeNames": list(ATTRIBUTES)},
                within_seconds=self._within_seconds,
            )
            attributes = answer["Attributes"]
            return sum(int(attributes[name]) for name in ATTRIBUTES)
        except (AwsError, KeyError, TypeError, ValueError):
            return None
