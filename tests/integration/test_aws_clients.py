"""Our small signed clients for S3 and SQS against moto, which was not written by us."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.aws.s3_client import S3Client

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"
BUCKET = "tillgate-objects"


class BotoBucket:
    """The same bucket through boto3."""

    def __init__(self, endpoint: str) -> None:
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self._client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def put(self, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=key, Body=body)

    def get(self, key: str) -> tuple[bytes, str]:
        """Give an object's bytes and content type."""
        found = self._client.get_object(Bucket=BUCKET, Key=key)
        return found["Body"].read(), found["ContentType"]

    def keys(self) -> list[str]:
        found = self._client.list_objects_v2(Bucket=BUCKET)
        return [one["Key"] for one in found.get("Contents", [])]

    def close(self) -> None:
        for key in self.keys():
            self._client.delete_object(Bucket=BUCKET, Key=key)
        self._client.delete_bucket(Bucket=BUCKET)
        self._client.close()


class BotoQueue:
    """The same queue through boto3."""

    def __init__(self, endpoint: str) -> None:
        self._client = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self.url: str = self._client.create_queue(QueueName="accept")["QueueUrl"]

    def receive(self) -> dict[str, str]:
        """Give the bodies that wait, by message id."""
        found = self._client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        return {one["MessageId"]: one["Body"] for one in found["Messages"]}

    def close(self) -> None:
        self._client.delete_queue(QueueUrl=self.url)
        self._client.close()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str) -> Iterator[BotoBucket]:
    with closing(BotoBucket(endpoint)) as bucket:
        yield bucket


@pytest.fixture
def queue(endpoint: str) -> Iterator[BotoQueue]:
    with closing(BotoQueue(endpoint)) as queue:
        yield queue


@pytest.fixture
def env(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
    }


@pytest.fixture
def objects(env: dict[str, str]) -> Iterator[S3Client]:
    with closing(S3Client(BUCKET, env=env, timeout_seconds=5)) as client:
        yield client


@pytest.fixture
def sqs(env: dict[str, str]) -> Iterator[AwsJsonClient]:
    with closing(AwsJsonClient("sqs", env=env, timeout_seconds=5, json_version="1.0")) as client:
        yield client


@pytest.mark.parametrize("key", ["a", "accept/2026/é €.gz", "a b+c%20", "a//b/./c", "?x=y&z#f"])
def test_what_is_put_is_what_boto3_gets(bucket: BotoBucket, objects: S3Client, key: str) -> None:
    body = bytes(range(256)) * 40

    objects.put(key, body, content_type="application/gzip")

    assert bucket.keys() == [key]
    assert bucket.get(key) == (body, "application/gzip")
    assert objects.get(key) == body


def test_what_boto3_put_is_got(bucket: BotoBucket, objects: S3Client) -> None:
    bucket.put("a/ü", b"\x00content")

    assert objects.get("a/ü") == b"\x00content"


@pytest.mark.usefixtures("bucket")
def test_an_empty_object_is_an_object(objects: S3Client) -> None:
    objects.put("empty", b"")

    assert objects.get("empty") == b""
    assert objects.get("nowhere") is None


def test_a_bucket_that_does_not_exist_is_an_error(objects: S3Client) -> None:
    with pytest.raises(AwsError) as read:
        objects.get("a")
    with pytest.raises(AwsError) as written:
        objects.put("a", b"")
    assert [read.value.code, written.value.code] == ["NoSuchBucket", "NoSuchBucket"]


def test_what_is_sent_is_what_boto3_receives(queue: BotoQueue, sqs: AwsJsonClient) -> None:
    sent = [
        sqs.call("AmazonSQS.SendMessage", {"QueueUrl": queue.url, "MessageBody": body})
        for body in ("é 0", "é 1")
    ]

    assert queue.receive() == {sent[0]["MessageId"]: "é 0", sent[1]["MessageId"]: "é 1"}
    digest = hashlib.md5("é 0".encode()).hexdigest()  # noqa: S324  What SQS answers with.
    assert sent[0]["MD5OfMessageBody"] == digest


def test_a_queue_that_does_not_exist_is_an_error_with_its_code(
    endpoint: str, sqs: AwsJsonClient
) -> None:
    request = {"QueueUrl": f"{endpoint}/123456789012/nowhere", "MessageBody": "x"}

    with pytest.raises(AwsError, match="answered 400") as caught:
        sqs.call("AmazonSQS.SendMessage", request)
    assert caught.value.code
