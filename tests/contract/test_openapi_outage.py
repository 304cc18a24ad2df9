"""What the OpenAPI document says of the database unreachable is what is answered then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract.wired_ingest import WiredIngest, event_body, notification_url, source_id
from tests.unit.entrypoints.api_function import ApiFunction
from tests.vendors import square_body, square_headers
from tillgate import __version__
from tillgate.entrypoints.docs.openapi import openapi

DOCUMENT = openapi(version=__version__)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def answer_schema(path: str, status: str) -> str:
    answer = DOCUMENT["paths"][path]["post"]["responses"][status]
    name: str = answer["content"]["application/json"]["schema"]["$ref"]
    return name.rpartition("/")[2]


@pytest.fixture
def outage() -> WiredIngest:
    """One that knows a token and an endpoint, and whose database is unreachable since."""
    ingest = WiredIngest()
    ingest.post(event_body())
    send_square(ingest)
    ingest.take_down()
    return ingest


def send_square(ingest: WiredIngest) -> tuple[int, dict[str, Any]]:
    body = square_body()
    sent = square_headers(body, url=notification_url("square", source_id("square")))
    answer = ingest.hook("square", body, sent)
    return answer.status, answer.json


def test_what_is_queued_is_answered_as_the_document_says(outage: WiredIngest) -> None:
    single = outage.post(event_body())
    batch = outage.post_batch({"idempotency_key": "k", "type": "t", "data": {}}, 7)
    status, hook = send_square(outage)

    assert (single.status, batch.status, status) == (202, 200, 200)
    assert answer_schema("/v1/events", "202") == "Queued"
    validator("Queued").validate(single.json)
    validator("BatchAnswer").validate(batch.json)
    validator(answer_schema("/v1/hooks/{provider}/{endpoint_id}", "200")).validate(hook)
    assert [result["status"] for result in batch.json["results"]] == ["queued", "invalid"]
    assert hook["queued"] == 1


def test_an_event_that_is_queued_has_no_place_yet() -> None:
    answer = DOCUMENT["paths"]["/v1/events"]["post"]["responses"]["202"]

    assert "Location" not in answer["headers"]
    assert "idempotency_key=" in answer["description"]
    assert "conflict-after-queued" in answer["description"]
    assert set(answer["content"]["application/json"]["example"]) == set(
        DOCUMENT["components"]["schemas"]["Queued"]["required"]
    )
    assert "event_id" not in DOCUMENT["components"]["schemas"]["Queued"]["properties"]


@pytest.mark.parametrize("path", ["/v1/events/batch", "/v1/hooks/{provider}/{endpoint_id}"])
def test_an_outage_has_an_example_where_it_is_answered_with_200(path: str) -> None:
    operation = DOCUMENT["paths"][path]["post"]
    examples = operation["responses"]["200"]["content"]["application/json"]["examples"]

    assert "queued" in json.dumps(examples["database-unreachable"])
    assert "unreachable" in operation["description"]


def test_readiness_says_whether_the_queue_is_there() -> None:
    readiness = DOCUMENT["paths"]["/startupz"]["get"]["responses"]
    checks = DOCUMENT["components"]["schemas"]["Readiness"]["properties"]["checks"]

    assert "queue" in checks["required"]
    for status in ("200", "503"):
        example = readiness[status]["content"]["application/json"]["example"]
        assert example["checks"]["queue"] == {"ok": True}


def test_the_page_shows_what_an_outage_is_answered_with() -> None:
    page = ApiFunction().call("GET", "/docs").text

    assert page.count("&#34;queued&#34;") >= 3
    assert "at all, or that it cannot be told whose token it is" in page
