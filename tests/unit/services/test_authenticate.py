from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import InMemoryRegistry
from tillgate.domain.errors import (
    StoreUnavailableError,
    TenantMismatchError,
    TenantSuspendedError,
    UnauthenticatedError,
)
from tillgate.domain.tenant import Tenant, TenantId, TenantState, token_digest
from tillgate.services.authenticate import Authenticator, bearer_token

ONE = Tenant(TenantId("11111111-1111-4111-8111-11111111abcd"), "one", TenantState.ACTIVE)
IDLE = Tenant(TenantId("22222222-2222-4222-8222-222222222222"), "idle", TenantState.SUSPENDED)


@pytest.fixture
def registry() -> InMemoryRegistry:
    registry = InMemoryRegistry()
    registry.tokens = {token_digest("tg_live_one"): ONE, token_digest("tg_live_idle"): IDLE}
    return registry


@pytest.mark.parametrize(
    "header", ["Bearer tg_live_one", "bearer tg_live_one", "BEARER   tg_live_one "]
)
def test_a_valid_token_names_its_tenant(registry: InMemoryRegistry, header: str) -> None:
    assert Authenticator(registry).caller_of(header, None).tenant == ONE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "tg_live_one",
        "Basic tg_live_one",
        "Bearertg_live_one",
        "Bearer\ttg_live_one",
        "Bearer tg_live_one tg_live_one",
        "Bearer tg_live_one,Bearer tg_live_one",
        "Bearer tg_live_onE",
        "Bearer tg_live_unknown",
        "Bearer é",
        "Bearer " + "x" * 257,
        "Bearer tg_live_one\n;",
    ],
)
def test_no_token_and_a_bad_one_are_refused_alike(
    registry: InMemoryRegistry, header: str | None
) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        Authenticator(registry).caller_of(header, None)
    assert str(caught.value) == "Send a valid API token: Authorization: Bearer tg_live_..."


@given(st.text())
def test_any_header_holds_a_token_or_none(header: str) -> None:
    token = bearer_token(header)

    assert token is None or (token in header and len(token) <= 300)


@pytest.mark.parametrize("named", [ONE.tenant_id, ONE.tenant_id.upper(), f" {ONE.tenant_id} "])
def test_the_tenant_header_may_name_the_token_s_tenant(
    registry: InMemoryRegistry, named: str
) -> None:
    assert Authenticator(registry).caller_of("Bearer tg_live_one", named).tenant == ONE


@pytest.mark.parametrize("named", ["", "one", IDLE.tenant_id, "%", "' OR 1=1 --", "../one"])
def test_the_tenant_header_may_name_no_other(registry: InMemoryRegistry, named: str) -> None:
    with pytest.raises(TenantMismatchError):
        Authenticator(registry).caller_of("Bearer tg_live_one", named)


def test_a_bad_token_goes_before_a_wrong_tenant(registry: InMemoryRegistry) -> None:
    with pytest.raises(UnauthenticatedError):
        Authenticator(registry).caller_of("Bearer nobody", ONE.tenant_id)


def test_a_suspended_tenant_is_told_so(registry: InMemoryRegistry) -> None:
    with pytest.raises(TenantSuspendedError):
        Authenticator(registry).caller_of("Bearer tg_live_idle", None)


def test_a_wrong_tenant_is_not_told_that_the_token_s_is_suspended(
    registry: InMemoryRegistry,
) -> None:
    with pytest.raises(TenantMismatchError):
        Authenticator(registry).caller_of("Bearer tg_live_idle", ONE.tenant_id)


def test_what_is_no_token_is_not_looked_up(registry: InMemoryRegistry) -> None:
    with pytest.raises(UnauthenticatedError):
        Authenticator(registry).caller_of("Basic dXNlcg==", None)
    assert registry.look_ups == 0


def test_a_registry_that_cannot_tell_is_no_refusal(registry: InMemoryRegistry) -> None:
    registry.is_down = True

    with pytest.raises(StoreUnavailableError):
        Authenticator(registry).caller_of("Bearer tg_live_one", None)
