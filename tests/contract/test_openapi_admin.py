"""What the OpenAPI document says of the operator's bodies is what the code takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from tests.unit.entrypoints.api_function import ApiFunction
from tillgate import __version__
from tillgate.domain.errors import InvalidRequestError
from tillgate.domain.json_value import parse
from tillgate.entrypoints.admin_bodies import (
    AppBody,
    SecretBody,
    SourceBody,
    TenantBody,
    TokenBody,
    checked,
)
from tillgate.entrypoints.delivery_bodies import (
    CredentialBody,
    DestinationBody,
    DiscardBody,
    RedriveBody,
    ReplayBody,
)
from tillgate.entrypoints.docs.openapi import openapi
from tillgate.entrypoints.retention_bodies import ErasureBody, RetentionBody
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from tillgate.entrypoints.admin_bodies import AdminBody

DOCUMENT = openapi(version=__version__)
NOBODY = "00000000-0000-4000-8000-000000000000"
URL = "https://events.example.com"
SINCE = "2026-11-23T10:00:00Z"
CURSOR = "e1_AZoH2SYHdxaeC2pPHSyLNQ"


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


BODIES: list[tuple[str, type[AdminBody], object]] = [
    ("NewTenant", TenantBody, {"slug": "a", "name": "A"}),
    ("NewTenant", TenantBody, {"slug": "a-", "name": "A"}),
    ("NewTenant", TenantBody, {"slug": "a" * 63, "name": "☕" * 200}),
    ("NewTenant", TenantBody, {"slug": "a" * 64, "name": "A"}),
    ("NewTenant", TenantBody, {"slug": "a", "name": "\u007f"}),
    ("NewToken", TokenBody, {"name": "x"}),
    ("NewToken", TokenBody, {"name": None}),
    ("NewApp", AppBody, {"provider": "square", "name": "n", "public_url": URL}),
    ("NewApp", AppBody, {"provider": "square", "name": "n"}),
    ("NewApp", AppBody, {"provider": "adyen", "name": "n", "public_url": URL}),
    ("NewApp", AppBody, {"provider": "standard", "name": "n", "public_url": URL, "secret": "a"}),
    ("NewApp", AppBody, {"provider": "stripe", "name": "n", "public_url": URL, "secret": "we_a"}),
    ("NewApp", AppBody, {"provider": "stripe", "name": "n", "public_url": URL, "secret": "whsec_"}),
    (
        "NewApp",
        AppBody,
        {"provider": "stripe", "name": "n", "public_url": URL, "secret": "whsec_a"},
    ),
    ("NewSource", SourceBody, {"provider": "standard", "public_url": URL, "secret": "whsec_YWJj"}),
    ("NewSource", SourceBody, {"provider": "standard", "public_url": URL, "secret": "a"}),
    ("NewApp", AppBody, {"provider": "square", "name": "n", "public_url": URL, "secret": "a"}),
    (
        "NewApp",
        AppBody,
        {"provider": "square", "name": "n", "public_url": URL, "notification_url": URL},
    ),
    ("NewSource", SourceBody, {"provider": "square", "public_url": URL, "merchant_id": "M"}),
    ("NewSource", SourceBody, {"provider": "square", "notification_url": f"{URL}/a?b=c"}),
    ("NewSource", SourceBody, {"provider": "square", "public_url": f"{URL}/a?b=c"}),
    ("NewSource", SourceBody, {"provider": "square", "public_url": "http://example.com"}),
    ("NewSource", SourceBody, {"provider": "square", "app_id": NOBODY, "merchant_id": "M"}),
    ("NewSource", SourceBody, {"provider": "square", "app_id": NOBODY}),
    ("NewSource", SourceBody, {"provider": "square", "app_id": "x", "merchant_id": "M"}),
    (
        "NewSource",
        SourceBody,
        {"provider": "square", "app_id": NOBODY, "merchant_id": "M", "secret": "s"},
    ),
    ("NewSecret", SecretBody, {"secret": "~!"}),
    ("NewSecret", SecretBody, {"secret": "x" * 512}),
    ("NewSecret", SecretBody, {"secret": "x" * 513}),
    ("NewSecret", SecretBody, {"secret": ""}),
    ("NewSecret", SecretBody, {"secret": "a b"}),
    ("NewSecret", SecretBody, {"secret": None}),
    ("NewSecret", SecretBody, {"secret": "s", "provider": "square"}),
    ("NewSecret", SecretBody, {}),
    ("NewDestination", DestinationBody, {"kind": "supabase", "url": URL, "secret": "s"}),
    ("NewDestination", DestinationBody, {"kind": "webhook", "url": URL, "secret": "s"}),
    ("NewDestination", DestinationBody, {"kind": "supabase", "url": "", "secret": "s"}),
    ("NewDestination", DestinationBody, {"kind": "supabase", "url": f"{URL}#a", "secret": "s"}),
    ("NewDestination", DestinationBody, {"kind": "supabase", "url": URL}),
    ("NewDestination", DestinationBody, {"kind": "supabase", "url": URL, "secret": "a b"}),
    ("NewCredential", CredentialBody, {"token": "t"}),
    ("NewCredential", CredentialBody, {"token": "t", "api_url": URL}),
    ("NewCredential", CredentialBody, {"token": "x" * 4096}),
    ("NewCredential", CredentialBody, {"token": "x" * 4097}),
    ("NewCredential", CredentialBody, {"token": ""}),
    ("NewCredential", CredentialBody, {"token": "a b"}),
    ("NewCredential", CredentialBody, {"token": "t", "api_url": None}),
    ("NewCredential", CredentialBody, {"token": "t", "api_url": ""}),
    ("NewCredential", CredentialBody, {"token": "t", "secret": "s"}),
    ("NewCredential", CredentialBody, {"api_url": URL}),
    ("NewRetention", RetentionBody, {"days": 7}),
    ("NewRetention", RetentionBody, {"days": 6}),
    ("NewRetention", RetentionBody, {"days": 3660}),
    ("NewRetention", RetentionBody, {"days": 3661}),
    ("NewRetention", RetentionBody, {"days": "90"}),
    ("NewRetention", RetentionBody, {}),
    ("NewErasure", ErasureBody, {"slug": "a"}),
    ("NewErasure", ErasureBody, {"slug": "a-"}),
    ("NewErasure", ErasureBody, {"slug": None}),
    ("NewReplay", ReplayBody, {"since": SINCE, "dry_run": True}),
    ("NewReplay", ReplayBody, {"since": SINCE, "dry_run": 1}),
    ("NewReplay", ReplayBody, {"since": SINCE}),
    ("NewReplay", ReplayBody, {"dry_run": True}),
    ("NewReplay", ReplayBody, {"since": "2026-11-23", "dry_run": True}),
    ("NewReplay", ReplayBody, {"since": SINCE, "until": SINCE, "dry_run": False}),
    ("NewReplay", ReplayBody, {"since": SINCE, "until": None, "dry_run": False}),
    ("NewReplay", ReplayBody, {"since": SINCE, "type": "orders/create", "dry_run": False}),
    ("NewReplay", ReplayBody, {"since": SINCE, "type": "a b", "dry_run": False}),
    ("NewReplay", ReplayBody, {"since": SINCE, "status": "gave_up", "dry_run": False}),
    ("NewReplay", ReplayBody, {"since": SINCE, "status": "x", "dry_run": False}),
    ("NewReplay", ReplayBody, {"since": SINCE, "cursor": CURSOR, "dry_run": False}),
    ("NewReplay", ReplayBody, {"since": SINCE, "cursor": "e1_x", "dry_run": False}),
    ("NewRedrive", RedriveBody, {"per_second": 1}),
    ("NewRedrive", RedriveBody, {"per_second": 1000, "tenant_id": NOBODY, "reason": "HTTP 401"}),
    ("NewRedrive", RedriveBody, {"per_second": 0}),
    ("NewRedrive", RedriveBody, {"per_second": 1001}),
    ("NewRedrive", RedriveBody, {"per_second": 1.5}),
    ("NewRedrive", RedriveBody, {"per_second": "1"}),
    ("NewRedrive", RedriveBody, {"per_second": True}),
    ("NewRedrive", RedriveBody, {"per_second": 1, "reason": ""}),
    ("NewRedrive", RedriveBody, {"per_second": 1, "reason": "x" * 201}),
    ("NewRedrive", RedriveBody, {"per_second": 1, "tenant_id": "cafe"}),
    ("NewRedrive", RedriveBody, {}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "reason": "expired", "count": 1}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "event_ids": [NOBODY], "count": 1}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "event_ids": [], "count": 1}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "event_ids": ["x"], "count": 1}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "event_ids": [NOBODY] * 1001, "count": 1}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "event_ids": NOBODY, "count": 1}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "count": 1}),
    ("NewDiscard", DiscardBody, {"reason": "expired", "count": 1}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "reason": "expired", "count": 0}),
    ("NewDiscard", DiscardBody, {"tenant_id": NOBODY, "reason": "expired"}),
    (
        "NewDiscard",
        DiscardBody,
        {"tenant_id": NOBODY, "reason": "expired", "event_ids": [NOBODY], "count": 1},
    ),
]


@pytest.mark.parametrize(("name", "model", "body"), BODIES)
def test_schema_of_an_admin_body_takes_what_the_code_takes(
    name: str, model: type[AdminBody], body: object
) -> None:
    try:
        checked(model, parse(json.dumps(body).encode()), providers=PROVIDERS)
        taken = True
    except InvalidRequestError:
        taken = False

    assert validator(name).is_valid(body) is taken


@pytest.mark.parametrize("secret", [None, "whsec_YWJj"])
@pytest.mark.parametrize(
    ("path", "name"), [("apps", "RegisteredApp"), ("tenants/{}/sources", "AddedSource")]
)
def test_schema_of_a_new_endpoint_fits_the_answer_whoever_made_the_secret(
    path: str, name: str, secret: str | None
) -> None:
    function = ApiFunction()
    headers = {"authorization": "Bearer operator"}
    tenant = function.call(
        "POST", "/admin/api/tenants", headers=headers, body={"slug": "a", "name": "A"}
    )
    body = {"provider": "stripe", "name": "n", "public_url": URL}

    made = function.call(
        "POST",
        f"/admin/api/{path.format(tenant.json['tenant_id'])}",
        headers=headers,
        body=body if secret is None else {**body, "secret": secret},
    )

    validator(name).validate(made.json)
    assert ("secret" in made.json) is (secret is None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/admin/api/apps/{app_id}/secret", "App"),
        ("/admin/api/sources/{source_id}/secret", "Source"),
    ],
)
def test_replacing_a_secret_says_what_it_does_and_gives_none_back(path: str, name: str) -> None:
    operation = DOCUMENT["paths"][path]["put"]
    answer = operation["responses"]["200"]["content"]["application/json"]

    assert {"200", "401", "404", "422", "503"} <= operation["responses"].keys()
    assert "within 5 s" in operation["description"]
    assert "within 30 s" in operation["description"]
    assert "is rotated" in operation["description"]
    assert answer["schema"] == {"$ref": f"#/components/schemas/{name}"}
    assert "secret" not in DOCUMENT["components"]["schemas"][name]["properties"]
