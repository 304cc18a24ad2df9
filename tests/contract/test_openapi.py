from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.entrypoints.api_function import ApiFunction
from tillgate import __version__
from tillgate.domain.errors import TillgateError
from tillgate.domain.event import event_from_json
from tillgate.domain.event_query import event_query
from tillgate.domain.idempotency import idempotency_key
from tillgate.domain.json_value import parse
from tillgate.domain.stored_event import event_before
from tillgate.entrypoints.docs.openapi import openapi
from tillgate.entrypoints.docs.vendors import VENDORS
from tillgate.entrypoints.routes import ROUTES
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator


DOCUMENT = openapi(version=__version__)
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def examples() -> Iterator[Any]:
    for method, path, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            for content in answer["content"].values():
                values = [example["value"] for example in content.get("examples", {}).values()]
                values += [content["example"]] if "example" in content else []
                for n, value in enumerate(values):
                    yield pytest.param(content["schema"], value, id=f"{method} {path} {status} {n}")
        for content in operation.get("requestBody", {"content": {}})["content"].values():
            yield pytest.param(content["schema"], content["example"], id=f"{method} {path} body")


def test_document_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()

    assert DOCUMENT["openapi"].startswith("3.1.")


def test_document_is_served_to_anyone_as_it_is() -> None:
    answer = ApiFunction().call("GET", "/openapi.json")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json == {**DOCUMENT, "info": {**DOCUMENT["info"], "version": "9.8.7"}}


def test_paths_and_methods_are_those_of_the_route_table() -> None:
    assert {
        path: sorted(method.upper() for method in methods)
        for path, methods in DOCUMENT["paths"].items()
    } == {path: sorted(methods) for path, methods in ROUTES.items()}


def test_providers_are_those_that_are_built() -> None:
    parameter = DOCUMENT["paths"]["/v1/hooks/{provider}/{endpoint_id}"]["post"]["parameters"][0]

    assert set(VENDORS) == set(PROVIDERS)
    assert set(parameter["schema"]["enum"]) == set(PROVIDERS)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("method", "path", "operation"), [pytest.param(*o, id=f"{o[0]} {o[1]}") for o in OPERATIONS]
)
def test_security_and_answers_agree(method: str, path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]

    assert bool(operation["security"]) <= ("401" in answers)
    assert (operation["security"] == [{"operatorToken": []}]) is path.startswith("/admin/api/")
    assert ("requestBody" in operation) <= ("413" in answers)
    assert "500" in answers
    for answer in answers.values():
        assert "X-Request-Id" in answer["headers"]
    if "401" in answers:
        assert "WWW-Authenticate" in answers["401"]["headers"]
    assert not ({"requestBody"} & operation.keys() and method == "get")


@pytest.mark.parametrize(("schema", "value"), list(examples()))
def test_examples_are_true(schema: dict[str, Any], value: object) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}

    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def test_example_event_id_is_of_the_time_it_says() -> None:
    example = DOCUMENT["paths"]["/v1/events/{event_id}"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]["example"]
    milliseconds = int(example["event_id"].replace("-", "")[:12], 16)
    stored_at = datetime.fromisoformat(example["stored_at"])

    assert datetime.fromtimestamp(milliseconds / 1000, UTC) == stored_at.replace(
        microsecond=stored_at.microsecond // 1000 * 1000
    )


EVENTS: list[tuple[str, bool]] = [
    ('{"type":"a","data":{}}', True),
    ('{"type":"A.b_c-9","data":{"a":[1,null]},"entity_id":"x","entity_version":0}', True),
    ('{"type":"a","data":{},"occurred_at":"2026-11-23T10:00:00+02:00"}', True),
    ('{"type":"a","data":{},"entity_version":' + "9" * 100 + "}", True),
    ('{"type":"a","data":{},"entity_version":' + "9" * 101 + "}", False),
    ('{"type":"a","data":{},"entity_version":-1}', False),
    ('{"type":"a","data":{},"entity_version":null}', False),
    ('{"type":"a","data":{},"entity_version":true}', False),
    ('{"type":"a","data":{},"entity_id":""}', False),
    ('{"type":"a","data":{},"entity_id":"\\u0000"}', False),
    ('{"type":"a","data":{},"entity_id":"' + "é" * 128 + '"}', True),
    ('{"type":"a","data":{},"entity_id":"' + "é" * 129 + '"}', False),
    ('{"type":"a","data":{},"occurred_at":"yesterday"}', False),
    ('{"type":"a","data":[]}', False),
    ('{"type":"a b","data":{}}', False),
    ('{"type":"","data":{}}', False),
    ('{"type":"' + "x" * 129 + '","data":{}}', False),
    ('{"type":"a"}', False),
    ('{"data":{}}', False),
    ('{"type":"a","data":{},"price":1}', False),
    ("[]", False),
]


@pytest.mark.parametrize(("body", "is_event"), EVENTS)
def test_schema_of_an_event_takes_what_the_code_takes(body: str, *, is_event: bool) -> None:
    def code_takes() -> bool:
        try:
            event_from_json(parse(body.encode()), key="k")
        except TillgateError:
            return False
        return True

    assert code_takes() is is_event
    assert validator("NewEvent").is_valid(json.loads(body)) is is_event


@pytest.mark.parametrize(
    "header",
    ["a", '"a"', '"a\\"b"', "a:b/c;d", "x" * 255, "", '"', '""', 'a"', "a,b", "a b", "a\\b", "é",
     "x" * 256, '"a"b', '"a b"', '"' + "x" * 256 + '"', "~", "[x]", "-"],
)  # fmt: skip
def test_schema_of_a_key_takes_what_the_code_takes(header: str) -> None:
    schema = DOCUMENT["components"]["parameters"]["Idempotency-Key"]["schema"]

    try:
        idempotency_key(header)
        taken = True
    except TillgateError:
        taken = False

    assert Draft202012Validator(schema).is_valid(header) is taken


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 0), ("limit", 1), ("limit", 200), ("limit", 201), ("status", "none"),
        ("status", "x"), ("type", "orders/create"), ("type", "x" * 129), ("type", "a b"),
        ("cursor", "e1_AZoH2SYHdxaeC2pPHSyLNQ"), ("cursor", "e1_AZoH2SYHdxaeC2pPHSyLNR"),
        ("idempotency_key", "a,b"), ("idempotency_key", "x" * 256),
        ("since", "2026-11-23T10:00:00Z"), ("since", "2026-11-23"),
    ],
)  # fmt: skip
def test_schema_of_a_query_takes_what_the_code_takes(name: str, value: object) -> None:
    [schema] = [
        parameter["schema"]
        for parameter in DOCUMENT["paths"]["/v1/events"]["get"]["parameters"]
        if parameter.get("name") == name
    ]

    try:
        event_query(f"{name}={str(value).replace(' ', '%20')}")
        taken = True
    except TillgateError:
        taken = False

    checker = Draft202012Validator.FORMAT_CHECKER
    assert Draft202012Validator(schema, format_checker=checker).is_valid(value) is taken


def test_cursor_of_the_example_is_one_of_ours() -> None:
    example = DOCUMENT["paths"]["/v1/events"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]["example"]

    assert event_before(example["next_cursor"]) == example["events"][-1]["event_id"]


def test_nothing_that_is_not_built_is_promised() -> None:
    text = json.dumps(DOCUMENT)

    assert not re.search(r"/v1/usage", text)


def test_a_hook_is_answered_with_counts_or_with_the_text_that_its_vendor_wants() -> None:
    answer = DOCUMENT["paths"]["/v1/hooks/{provider}/{endpoint_id}"]["post"]["responses"]["200"]
    wanted = {provider.acknowledgement for provider in PROVIDERS.values()} - {None}

    assert answer["content"].keys() == {"application/json", "text/plain"}
    assert set(answer["content"]["text/plain"]["schema"]["enum"]) == wanted
