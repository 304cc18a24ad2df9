from __future__ import annotations

import json
import re

import pytest
from pydantic import BaseModel  # noqa: TC002  A type beside values.

from tests.unit.entrypoints.api_function import OPERATOR, Answer, ApiFunction
from tillgate.entrypoints.admin_bodies import (
    _FORMS,
    AppBody,
    SecretBody,
    SourceBody,
    TenantBody,
    TokenBody,
)

NOBODY = "00000000-0000-4000-8000-000000000000"
PUBLIC_URL = "https://events.example.com"


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


@pytest.fixture
def tenant_id(api: ApiFunction) -> str:
    return str(post(api, "tenants", {"slug": "cafe", "name": "Café"}).json["tenant_id"])


def post(api: ApiFunction, path: str, body: object) -> Answer:
    return api.call("POST", f"/admin/api/{path}", headers=OPERATOR, body=body)


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        ("tenants", {}, ["/slug", "/name"]),
        ("tenants", {"slug": "Café", "name": "", "colour": "red"}, ["/slug", "/name", "/colour"]),
        ("tenants", {"slug": "cafe\n", "name": "a\u0000b"}, ["/slug", "/name"]),
        ("tenants", {"slug": 5, "name": None}, ["/slug", "/name"]),
        ("tenants", {"slug": "-cafe", "name": "x" * 201}, ["/slug", "/name"]),
        ("tenants", [], [""]),
        ("tenants", "text", [""]),
        ("tenants", {"slug": "a", "name": "b", "a/b~c": 1}, ["/a~1b~0c"]),
        ("apps", {"provider": "nobody", "public_url": PUBLIC_URL}, ["/provider", "/name"]),
        ("apps", {"provider": "square", "name": "n"}, [""]),
        (
            "apps",
            {
                "provider": "square",
                "name": "n",
                "public_url": PUBLIC_URL,
                "notification_url": PUBLIC_URL,
            },
            [""],
        ),
        (
            "apps",
            {
                "provider": "standard",
                "name": "n",
                "public_url": PUBLIC_URL,
                "secret": "whsec_not base64".replace(" ", "-"),
            },
            ["/secret"],
        ),
        (
            f"tenants/{NOBODY}/sources",
            {
                "provider": "square",
                "app_id": NOBODY,
                "secret": "s",
                "public_url": PUBLIC_URL,
                "notification_url": PUBLIC_URL,
            },
            ["/secret", "/public_url", "/notification_url", "/merchant_id"],
        ),
        (f"tenants/{NOBODY}/sources", {"provider": "square", "app_id": "x"}, ["/app_id"]),
        (f"tenants/{NOBODY}/tokens", {"name": ["x"]}, ["/name"]),
    ],
)
def test_every_fault_of_a_body_is_listed(
    api: ApiFunction, path: str, body: object, pointers: list[str]
) -> None:
    answer = post(api, path, body)

    assert answer.problem == (422, "invalid-request")
    assert sorted(fault["pointer"] for fault in answer.json["errors"]) == sorted(pointers)


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("tenants", {"slug": "Café", "name": "n"}, "must be 1 to 63 characters out of a-z"),
        ("tenants", {"slug": "a", "name": ""}, "must have 1 or more characters"),
        ("tenants", {"slug": "a", "name": "x" * 201}, "must have no more than 200 characters"),
        ("tenants", {"slug": "a", "name": "a\nb"}, "must have no control characters"),
        ("tenants", {"slug": "a", "name": None}, "must not be null; leave it out"),
        ("tenants", {"slug": "a"}, "is required"),
        ("tenants", {"slug": "a", "name": 5}, "must be a string"),
        (
            "apps",
            {"provider": "square", "name": "n", "public_url": PUBLIC_URL, "secret": "a b"},
            "must be visible ASCII characters, without spaces",
        ),
        (
            "apps",
            {"provider": "square", "name": "n", "public_url": "http://example.com"},
            "must be an https URL",
        ),
        (
            f"tenants/{NOBODY}/sources",
            {"provider": "square", "merchant_id": "M", "app_id": "x"},
            "must be an id, such as",
        ),
    ],
)
def test_faults_are_told_in_plain_words(
    api: ApiFunction, path: str, body: object, detail: str
) -> None:
    [fault] = post(api, path, body).json["errors"]

    assert fault["detail"].startswith(detail)
    assert not re.search(r"String should|Value error|\^\[|\(\?|[{}]", fault["detail"])


@pytest.mark.parametrize("body", [TenantBody, TokenBody, SecretBody, AppBody, SourceBody])
def test_every_pattern_has_words_for_people(body: type[BaseModel]) -> None:
    schema = json.dumps(body.model_json_schema())

    patterns = {json.loads(p) for p in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema)}

    assert patterns
    assert patterns <= _FORMS.keys()


@pytest.mark.parametrize(
    "url",
    [
        "http://events.example.com",
        "https://",
        "ftp://localhost",
        "https://user:pass@example.com",
        "https://example.com/#part",
        "https://example.com/?q=1",
        "https://exa mple.com",
        "javascript:alert(1)",
        "http://localhost.example.com",
        "https://example.com\n",
        "//example.com",
        "",
    ],
)
def test_public_url_is_https_or_this_machine(api: ApiFunction, tenant_id: str, url: str) -> None:
    answer = post(api, f"tenants/{tenant_id}/sources", {"provider": "square", "public_url": url})

    assert answer.problem == (422, "invalid-request")
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/public_url"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4566/_aws/execute-api/abc",
        "http://localhost:8080/",
        "http://abc.execute-api.localhost:4566",
        "https://events.example.com:8443/a/b/",
    ],
)
def test_local_and_secure_urls_are_taken(api: ApiFunction, tenant_id: str, url: str) -> None:
    answer = post(api, f"tenants/{tenant_id}/sources", {"provider": "square", "public_url": url})

    assert answer.status == 201
    assert answer.json["notification_url"].startswith(url.rstrip("/") + "/v1/hooks/square/")


def test_body_is_checked_in_the_contracts_order(api: ApiFunction) -> None:
    def answer(body: bytes, content_type: str = "application/json") -> tuple[int, str]:
        headers = {**OPERATOR, "content-type": content_type}
        return api.call("POST", "/admin/api/tenants", headers=headers, raw_body=body).problem

    large = b'{"slug":"' + b"a" * 1024 * 1024
    assert answer(large, "text/plain") == (415, "unsupported-media-type")
    assert answer(large) == (413, "payload-too-large")
    assert answer(b"") == (400, "invalid-json")
    assert answer(b'{"slug":"a","slug":"a","name":"b"}') == (400, "invalid-json")
    assert answer(b'{"slug":NaN}') == (400, "invalid-json")
    assert answer(b"\xff") == (400, "invalid-json")
    assert answer(b'{"slug":"a"}') == (422, "invalid-request")


def test_no_secret_is_quoted_back(api: ApiFunction, tenant_id: str) -> None:
    body = {"provider": "square", "public_url": "nowhere", "secret": "do not show this"}

    answer = post(api, f"tenants/{tenant_id}/sources", body)

    assert answer.status == 422
    assert "do not show" not in answer.text
