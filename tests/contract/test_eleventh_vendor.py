"""Another vendor is one file: it is found by its name, and its deliveries go the whole way."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.wired_ingest import WiredIngest
from tests.unit.entrypoints.api_function import OPERATOR, ApiFunction
from tests.unit.providers.hook_requests import hook_request
from tests.vendors import mac_hex
from tillgate.domain.tenant import Endpoint, Source, SourceId, Tenant, TenantId, TenantState
from tillgate.entrypoints.docs.admin_schemas import admin_schemas
from tillgate.providers import Providers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "more_vendors"
MODULE = '''
"""Eleventh, a vendor that nobody has heard of."""

from tillgate.domain.hook_body import json_object, text
from tillgate.domain.provider import HookItem, Vendor
from tillgate.domain.signatures import hmac_sha256, matches_hex
from tillgate.domain.vendor_rules import RetryRules


class Eleventh(Vendor):
    name = "eleventh"
    signs_merchant = True
    retries = RetryRules(documents="https://example.com", answer_seconds=3, delays_seconds=(60,))

    def verify(self, request, secret):
        signature = request.headers.get("x-eleventh", "")
        return matches_hex(hmac_sha256(secret.encode(), request.body), signature)

    def split(self, request):
        body = json_object(request.body)
        return [
            HookItem(
                key=text(body, "nr"),
                type=text(body, "what"),
                data=body,
                identity=body,
                merchant_id=text(body, "shop"),
            )
        ]


PROVIDER = Eleventh()
'''
# Its vectors: RFC 4231, test case 2.
SECRET, SIGNED = "Jefe", b"what do ya want for nothing?"
SIGNATURE = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
BODY = b'{"nr":"e-1","what":"till.opened","shop":"S1"}'


@pytest.fixture
def providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    """A package with this one vendor; nothing else knows of it."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "eleventh.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield Providers(PACKAGE, folder)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def source(providers: Providers) -> dict[str, Any]:
    """A source of it, as the operator adds one; ``sealed`` is its secret as it is stored."""
    api = ApiFunction(providers=providers)
    tenant = {"slug": "a", "name": "A"}
    tenant_id = added(api, "tenants", tenant)["tenant_id"]
    asked = {"provider": "eleventh", "merchant_id": "S1", "public_url": "https://a.example.com"}
    source = added(api, f"tenants/{tenant_id}/sources", asked)
    listed = api.call("GET", f"/admin/api/tenants/{tenant_id}/sources", headers=OPERATOR).json
    assert [one["provider"] for one in listed["sources"]] == ["eleventh"]
    return {**source, "sealed": api.store.sealed[source["source_id"]]}


def added(api: ApiFunction, path: str, body: object) -> dict[str, Any]:
    answer = api.call("POST", f"/admin/api/{path}", headers=OPERATOR, body=body)
    assert answer.status == 201
    document = answer.json
    assert isinstance(document, dict)
    return document


def test_it_is_found_by_its_name_and_loaded_when_it_is_asked_for(providers: Providers) -> None:
    assert list(providers) == ["eleventh"]
    assert "eleventh" in providers
    assert "more_vendors.eleventh" not in sys.modules

    assert providers["eleventh"].name == "eleventh"
    assert providers["eleventh"] is providers["eleventh"]
    assert "twelfth" not in providers
    with pytest.raises(KeyError):
        providers["twelfth"]


def test_its_vectors_verify(providers: Providers) -> None:
    request = hook_request(SIGNED, {"x-eleventh": SIGNATURE})

    assert providers["eleventh"].verify(request, SECRET)
    assert not providers["eleventh"].verify(request, "jefe")


def test_its_deliveries_are_stored_counted_and_refused_as_any_vendor_s(
    providers: Providers, source: dict[str, Any]
) -> None:
    ingest = WiredIngest(providers=providers)
    find(ingest, source)

    def hook(body: bytes, signed: bytes) -> int:
        headers = {"x-eleventh": mac_hex(source["secret"].encode(), signed)}
        return ingest.hook("eleventh", body, headers, endpoint_id=source["source_id"]).status

    assert [hook(BODY, BODY), hook(BODY, BODY), hook(BODY, b"{}"), hook(b"{}", b"{}")] == [
        200, 200, 401, 200,
    ]  # fmt: skip
    [((tenant_id, key), (event, _))] = ingest.events.events.items()
    assert (tenant_id, key) == (source["tenant_id"], "eleventh:e-1")
    assert (event.type, event.data) == (
        "till.opened",
        '{"nr":"e-1","shop":"S1","what":"till.opened"}',
    )
    assert [item.reason.value for item in ingest.quarantine.items] == [
        "signature-refused",
        "unreadable",
    ]
    ingest.meter.flush()
    counts: Counter[str] = Counter()
    for flush in ingest.metrics.flushes.values():
        counts.update(flush)
    assert counts["ingest_events_total|eleventh|stored"] == 1
    assert counts["secret_matched_total|eleventh|current"] == 3


def find(ingest: WiredIngest, source: dict[str, Any]) -> None:
    """Let ingest find what the operator's call stored."""
    tenant = Tenant(TenantId(source["tenant_id"]), "a", TenantState.ACTIVE)
    ingest.registry.endpoints["eleventh", source["source_id"]] = Endpoint(
        source["source_id"],
        "eleventh",
        source["notification_url"],
        (source["sealed"],),
        Source(SourceId(source["source_id"]), tenant, source["merchant_id"]),
    )


def test_the_operator_s_document_names_it(providers: Providers) -> None:
    schemas = admin_schemas(providers)

    for name in ("NewApp", "NewOwnSource"):
        assert schemas[name]["properties"]["provider"]["enum"] == ["eleventh"]
