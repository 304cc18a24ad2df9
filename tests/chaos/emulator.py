"""SQS and S3 of the suite's own: one MiniStack, asked by boto3."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops.local.ministack import ACCOUNT, REGION, MiniStack

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH = 10
_PYTHON = Path(__file__).parents[2] / ".local/ministack-venv/bin/python"
# A queue that says nothing is not waited for longer than the faults last.
_PATIENCE = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})


def _session() -> boto3.Session:
    return boto3.Session(
        region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="made up"
    )


@dataclass(frozen=True, slots=True)
class Message:
    """One receipt of an SQS message."""

    message_id: str
    receipt_handle: str
    body: str
    md5_of_body: str
    attributes: Mapping[str, str]


class Queue:
    """One SQS queue, at the emulator itself or through a proxy."""

    def __init__(self, endpoint_url: str, name: str) -> None:
        self._client: Any = _session().client("sqs", endpoint_url=endpoint_url, config=_PATIENCE)
        self.url = f"{endpoint_url}/{ACCOUNT}/{name}"

    def receive(self) -> list[Message]:
        """Give up to BATCH messages; none when the queue is down."""
        try:
            answer = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=BATCH,
                MessageSystemAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError):
            return []
        return [
            Message(m["MessageId"], m["ReceiptHandle"], m["Body"], m["MD5OfBody"], m["Attributes"])
            for m in answer.get("Messages", [])
        ]

    def delete(self, receipt_handles: list[str]) -> None:
        """Delete up to BATCH; when the queue is down they come again."""
        entries = [{"Id": str(n), "ReceiptHandle": h} for n, h in enumerate(receipt_handles)]
        with suppress(BotoCoreError, ClientError):
            self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def depth(self) -> int:
        """Count what is in it, in sight or not."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


class Emulator:
    """The process, and what a scenario has made in it."""

    def __init__(self, folder: Path) -> None:
        self._ministack = MiniStack(folder, python=_PYTHON, log=folder / "ministack.log")

    def __enter__(self) -> Self:
        self._ministack.start()
        self._ministack.wait()
        return self

    def __exit__(self, *_exc: object) -> None:
        # Nothing in it is wanted again, so it need not save anything.
        process = self._ministack.process()
        if process is not None:
            process.kill()
            process.wait(20)
        self._ministack.stop()

    @property
    def port(self) -> int:
        return urlsplit(self._ministack.endpoint_url).port or 0

    def make_queue(self, name: str, *, visibility_seconds: int) -> Queue:
        """Make a queue as the stack does, but for how long a receipt hides a message."""
        url = f"http://127.0.0.1:{self.port}"
        _session().client("sqs", endpoint_url=url).create_queue(
            QueueName=name,
            Attributes={
                "VisibilityTimeout": str(visibility_seconds),
                "MaximumMessageSize": str(1024 * 1024),
            },
        )
        return Queue(url, name)

    def make_bucket(self, name: str) -> None:
        url = f"http://127.0.0.1:{self.port}"
        _session().client("s3", endpoint_url=url).create_bucket(Bucket=name)
