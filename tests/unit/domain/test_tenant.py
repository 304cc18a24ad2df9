from __future__ import annotations

import hashlib

from tillgate.domain.tenant import (
    Endpoint,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    endpoint_seal_context,
    token_digest,
)


def endpoint(source: Source | None) -> Endpoint:
    return Endpoint("e", "square", "https://x.example/hook", (b"sealed",), source)


def test_a_token_is_looked_up_by_its_sha_256() -> None:
    assert token_digest("tg_live_abc") == hashlib.sha256(b"tg_live_abc").digest()


def test_any_text_has_a_digest() -> None:
    assert len(token_digest("\ud800é")) == 32


def test_a_secret_is_bound_to_its_tenant_and_endpoint() -> None:
    tenant = Tenant(TenantId("t"), "slug", TenantState.ACTIVE)

    assert endpoint(Source(SourceId("e"), tenant, None)).seal_context == "endpoint:t:e"
    assert endpoint(None).seal_context == "endpoint:-:e"
    assert endpoint_seal_context("e", tenant_id="t") != endpoint_seal_context("e", tenant_id=None)
