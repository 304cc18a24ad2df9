from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.http_server import RecordingServer, recording_server
from tillgate.domain.migration import MigrationError
from tillgate.entrypoints.custom_resource import serve_custom_resource

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def cloudformation() -> Iterator[RecordingServer]:
    with recording_server() as server:
        yield server


def request(kind: str, server: RecordingServer, **more: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": f"{server.url}/bucket/key?X-Amz-Signature=a%2Bb&X-Amz-Date=1",
        "StackId": "arn:stack",
        "RequestId": "request-1",
        "LogicalResourceId": "Migrate",
        **more,
    }


def answer(server: RecordingServer) -> dict[str, Any]:
    [received] = server.received
    assert received.method == "PUT"
    return dict(json.loads(received.body))


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_the_work_is_done_and_told(cloudformation: RecordingServer, kind: str) -> None:
    serve_custom_resource(
        request(kind, cloudformation), lambda: {"current": 4}, physical_id="schema"
    )

    assert answer(cloudformation) == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "schema",
        "Data": {"current": 4},
        "StackId": "arn:stack",
        "RequestId": "request-1",
        "LogicalResourceId": "Migrate",
    }


def test_the_answer_goes_to_the_signed_url_as_it_is(cloudformation: RecordingServer) -> None:
    serve_custom_resource(request("Create", cloudformation), dict, physical_id="schema")

    [received] = cloudformation.received
    assert received.path == "/bucket/key?X-Amz-Signature=a%2Bb&X-Amz-Date=1"
    # S3 signs the content type too, and CloudFormation signs it empty.
    assert received.headers["content-type"] == ""


def test_delete_does_nothing_and_succeeds(cloudformation: RecordingServer) -> None:
    def work() -> dict[str, object]:
        raise AssertionError("Delete must do nothing")

    serve_custom_resource(request("Delete", cloudformation), work, physical_id="schema")

    assert answer(cloudformation)["Status"] == "SUCCESS"


@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_a_resource_keeps_its_physical_id(cloudformation: RecordingServer, kind: str) -> None:
    event = request(kind, cloudformation, PhysicalResourceId="older-name")

    serve_custom_resource(event, dict, physical_id="schema")

    assert answer(cloudformation)["PhysicalResourceId"] == "older-name"


def test_a_failure_is_told_by_its_type_and_not_repeated(
    cloudformation: RecordingServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> dict[str, object]:
        raise ValueError("password=canary")

    # Raised, it would be repeated twice by Lambda, for a deploy that has failed already.
    serve_custom_resource(request("Create", cloudformation), work, physical_id="schema")

    told = answer(cloudformation)
    logged = capsys.readouterr().out
    assert json.loads(logged)["reason"] == told["Reason"]
    assert "canary" not in logged
    assert (told["Status"], told["Reason"]) == ("FAILED", "ValueError: see the function's log")
    assert told["PhysicalResourceId"] == "schema"
    assert "canary" not in json.dumps(told)


def test_a_failure_of_ours_is_told_in_its_own_words(cloudformation: RecordingServer) -> None:
    def work() -> dict[str, object]:
        raise MigrationError("0007_next.sql failed with SQLSTATE 42601")

    serve_custom_resource(request("Update", cloudformation), work, physical_id="schema")

    told = answer(cloudformation)["Reason"]
    assert told == "MigrationError: 0007_next.sql failed with SQLSTATE 42601"


def test_an_answer_that_was_not_taken_is_an_error(cloudformation: RecordingServer) -> None:
    cloudformation.answers = [(403, b"expired")]

    with pytest.raises(RuntimeError, match="answered 403"):
        serve_custom_resource(request("Create", cloudformation), dict, physical_id="schema")
