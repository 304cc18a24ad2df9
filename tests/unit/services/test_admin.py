from __future__ import annotations

import base64
import re

import pytest

from tests.admin_fakes import InMemoryAdminStore
from tests.fakes import PlainSecretBox
from tillgate.domain.errors import InvalidRequestError, MerchantTakenError, NotFoundError
from tillgate.domain.tenant import RateLimit, TenantState, endpoint_seal_context, token_digest
from tillgate.providers import PROVIDERS
from tillgate.services.admin import Administration

NOBODY = "00000000-0000-4000-8000-000000000000"
PUBLIC_URL = "https://events.example.com/prefix/"


@pytest.fixture
def store() -> InMemoryAdminStore:
    return InMemoryAdminStore()


@pytest.fixture
def administration(store: InMemoryAdminStore) -> Administration:
    return Administration(
        store,
        box=PlainSecretBox(),
        providers=PROVIDERS,
        default_limit=RateLimit(100, 1_000),
    )


@pytest.fixture
def tenant_id(administration: Administration) -> str:
    return administration.create_tenant(slug="cafe", name="Café").tenant_id


def test_suspending_and_resuming_twice_changes_nothing_more(
    administration: Administration, tenant_id: str
) -> None:
    states = [
        administration.suspend_tenant(tenant_id).state,
        administration.suspend_tenant(tenant_id.upper()).state,
        administration.resume_tenant(tenant_id).state,
        administration.resume_tenant(tenant_id).state,
    ]

    assert states == [TenantState.SUSPENDED] * 2 + [TenantState.ACTIVE] * 2


@pytest.mark.parametrize("tenant_id", [NOBODY, "cafe", "", "x' OR '1'='1"])
def test_unknown_tenant_is_not_found(administration: Administration, tenant_id: str) -> None:
    for use in (
        administration.tenant,
        administration.suspend_tenant,
        administration.resume_tenant,
        administration.tokens,
        administration.sources,
        lambda unknown: administration.issue_token(unknown, name="till"),
    ):
        with pytest.raises(NotFoundError, match="no such tenant"):
            use(tenant_id)


def test_token_is_shown_once_and_kept_as_its_digest(
    administration: Administration, store: InMemoryAdminStore, tenant_id: str
) -> None:
    record, token = administration.issue_token(tenant_id, name="till 1")

    assert re.fullmatch(r"tg_live_[A-Za-z0-9_-]{43}", token)
    assert store.digests == {token_digest(token): tenant_id}
    assert (record.hint, len(record.hint)) == (token[:12], 12)


def test_revoking_twice_keeps_the_first_time(
    administration: Administration, tenant_id: str
) -> None:
    record, _ = administration.issue_token(tenant_id, name="till 1")

    first = administration.revoke_token(record.token_id)

    assert first.revoked_at is not None
    assert administration.revoke_token(record.token_id) == first


@pytest.mark.parametrize("token_id", [NOBODY, "x"])
def test_unknown_token_is_not_found(administration: Administration, token_id: str) -> None:
    with pytest.raises(NotFoundError, match="no such token"):
        administration.revoke_token(token_id)


def test_source_has_a_url_of_its_own_and_a_secret_sealed_for_it(
    administration: Administration, store: InMemoryAdminStore, tenant_id: str
) -> None:
    source, secret = administration.add_source(
        tenant_id.upper(),
        provider="square",
        name=None,
        merchant_id="M1",
        secret="given",
        public_url=PUBLIC_URL,
        notification_url=None,
    )

    sealed = store.sealed[source.source_id]
    context = endpoint_seal_context(source.source_id, tenant_id=tenant_id)
    assert sealed is not None
    assert PlainSecretBox().open(sealed, context=context) == b"given"
    assert (secret, source.name) == (None, "square"), "what was given is not told again"
    assert source.notification_url == (
        f"https://events.example.com/prefix/v1/hooks/square/{source.source_id}"
    )


def test_registered_url_is_kept_to_the_letter(
    administration: Administration, tenant_id: str
) -> None:
    source, _ = administration.add_source(
        tenant_id,
        provider="square",
        name="till",
        merchant_id=None,
        secret=None,
        public_url=None,
        notification_url="https://pos.example.com/Square/?a=b",
    )

    assert source.notification_url == "https://pos.example.com/Square/?a=b"


def test_app_is_sealed_without_a_tenant_and_lends_its_url(
    administration: Administration, store: InMemoryAdminStore, tenant_id: str
) -> None:
    app, secret = administration.register_app(
        provider="square", name="ours", secret=None, public_url=PUBLIC_URL, notification_url=None
    )
    source = administration.bind_source(
        tenant_id, app_id=app.app_id.upper(), provider="square", name=None, merchant_id="M1"
    )

    sealed = store.sealed[app.app_id]
    assert sealed is not None
    assert secret is not None
    context = endpoint_seal_context(app.app_id, tenant_id=None)
    assert PlainSecretBox().open(sealed, context=context) == secret.encode()
    assert store.sealed[source.source_id] is None
    assert source.notification_url == app.notification_url


def test_merchant_is_bound_to_one_source_of_an_app(
    administration: Administration, tenant_id: str
) -> None:
    app, _ = administration.register_app(
        provider="square", name="ours", secret=None, public_url=PUBLIC_URL, notification_url=None
    )

    def bind() -> None:
        administration.bind_source(
            tenant_id, app_id=app.app_id, provider="square", name=None, merchant_id="M1"
        )

    bind()
    with pytest.raises(MerchantTakenError):
        bind()


def test_app_of_another_provider_is_named_as_the_fault(
    administration: Administration, tenant_id: str
) -> None:
    app, _ = administration.register_app(
        provider="square", name="ours", secret=None, public_url=PUBLIC_URL, notification_url=None
    )

    with pytest.raises(InvalidRequestError) as caught:
        administration.bind_source(
            tenant_id, app_id=app.app_id, provider="shopify", name=None, merchant_id="M1"
        )

    assert [fault.pointer for fault in caught.value.faults] == ["/provider"]


def test_unknown_app_is_not_found(administration: Administration, tenant_id: str) -> None:
    with pytest.raises(NotFoundError, match="no such app"):
        administration.bind_source(
            tenant_id, app_id=NOBODY, provider="square", name=None, merchant_id="M1"
        )


def add_source(administration: Administration, tenant_id: str, provider: str = "square") -> str:
    source, _ = administration.add_source(
        tenant_id,
        provider=provider,
        name=None,
        merchant_id=None,
        secret=None,
        public_url=PUBLIC_URL,
        notification_url=None,
    )
    return source.source_id


def test_secret_of_a_source_is_replaced_again_and_again(
    administration: Administration, store: InMemoryAdminStore, tenant_id: str
) -> None:
    source_id = add_source(administration, tenant_id)
    context = endpoint_seal_context(source_id, tenant_id=tenant_id)

    for secret in ("issued later", "issued later", "another"):
        source = administration.set_source_secret(source_id.upper(), secret=secret)

        sealed = store.sealed[source_id]
        assert sealed is not None
        assert PlainSecretBox().open(sealed, context=context) == secret.encode()
        assert source == store.all_sources[source_id]


def test_secret_of_an_app_is_replaced(
    administration: Administration, store: InMemoryAdminStore
) -> None:
    app, _ = administration.register_app(
        provider="square", name="ours", secret=None, public_url=PUBLIC_URL, notification_url=None
    )

    replaced = administration.set_app_secret(app.app_id.upper(), secret="issued later")

    sealed = store.sealed[app.app_id]
    assert sealed is not None
    context = endpoint_seal_context(app.app_id, tenant_id=None)
    assert PlainSecretBox().open(sealed, context=context) == b"issued later"
    assert replaced == app


def test_source_of_an_app_has_no_secret_to_be_replaced(
    administration: Administration, store: InMemoryAdminStore, tenant_id: str
) -> None:
    app, _ = administration.register_app(
        provider="square", name="ours", secret=None, public_url=PUBLIC_URL, notification_url=None
    )
    bound = administration.bind_source(
        tenant_id, app_id=app.app_id, provider="square", name=None, merchant_id="M1"
    )

    with pytest.raises(NotFoundError, match="no secret of its own"):
        administration.set_source_secret(bound.source_id, secret="s")

    assert store.sealed[bound.source_id] is None


def test_secret_that_cannot_be_the_providers_is_a_fault_and_changes_nothing(
    administration: Administration, store: InMemoryAdminStore, tenant_id: str
) -> None:
    source_id = add_source(administration, tenant_id, "standard")
    before = store.sealed[source_id]

    with pytest.raises(InvalidRequestError) as caught:
        administration.set_source_secret(source_id, secret="whsec_not-base64")

    assert [fault.pointer for fault in caught.value.faults] == ["/secret"]
    assert store.sealed[source_id] == before


@pytest.mark.parametrize("unknown", [NOBODY, "x", ""])
def test_unknown_source_or_app_has_no_secret(administration: Administration, unknown: str) -> None:
    with pytest.raises(NotFoundError, match="no such source"):
        administration.set_source_secret(unknown, secret="s")
    with pytest.raises(NotFoundError, match="no such app"):
        administration.set_app_secret(unknown, secret="s")


def test_an_endpoint_whose_secret_comes_after_a_handshake_is_pending_until_it_is_set(
    administration: Administration, store: InMemoryAdminStore, tenant_id: str
) -> None:
    source_id = add_source(administration, tenant_id, "clover")
    stand_in = store.sealed[source_id]
    store.put_handshake(source_id, code="the-code")

    [pending] = administration.sources(tenant_id)
    ready = administration.set_source_secret(source_id, secret="auth-code")

    assert stand_in is not None
    assert (pending.state, pending.verification_code) == ("pending", "the-code")
    assert (ready.state, ready.verification_code) == ("ready", None)
    assert store.sealed[source_id] != stand_in


def test_no_secret_is_told_that_only_stands_in_for_the_vendor_s(
    administration: Administration, tenant_id: str
) -> None:
    app, told = administration.register_app(
        provider="clover", name="ours", secret=None, public_url=PUBLIC_URL, notification_url=None
    )
    bound = administration.bind_source(
        tenant_id, app_id=app.app_id, provider="clover", name=None, merchant_id="M1"
    )

    assert (told, app.state, bound.state) == (None, "pending", "pending")
    assert administration.set_app_secret(app.app_id, secret="auth-code").state == "ready"


def test_an_endpoint_whose_secret_is_given_is_ready(
    administration: Administration, tenant_id: str
) -> None:
    app, told = administration.register_app(
        provider="clover", name="n", secret="known", public_url=PUBLIC_URL, notification_url=None
    )
    add_source(administration, tenant_id)

    assert (app.state, told) == ("ready", None)
    assert [source.state for source in administration.sources(tenant_id)] == ["ready"]


def test_made_secrets_suit_their_provider_and_differ() -> None:
    standard = PROVIDERS["standard"].new_secret()

    assert len(base64.b64decode(standard.removeprefix("whsec_"), validate=True)) == 32
    assert standard.startswith("whsec_")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", PROVIDERS["square"].new_secret())
    assert PROVIDERS["square"].new_secret() != PROVIDERS["square"].new_secret()


def test_an_app_is_refused_where_the_merchant_is_not_signed(administration: Administration) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        administration.register_app(
            provider="shopify",
            name="ours",
            secret=None,
            public_url="https://api.example.com",
            notification_url=None,
        )

    [fault] = caught.value.faults
    assert (fault.pointer, "a source with a URL of its own" in fault.detail) == ("/provider", True)
    assert administration.apps() == []
