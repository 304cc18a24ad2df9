"""What the operator does: tenants, their tokens and sources, and the apps at vendors."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from tillgate.domain.administration import LimitRecord, NewApp, NewSource
from tillgate.domain.errors import Fault, InvalidRequestError, NotFoundError
from tillgate.domain.provider import secret_flaw
from tillgate.domain.tenant import (
    TOKEN_PREFIX,
    AppId,
    SourceId,
    TenantId,
    TenantState,
    TokenId,
    endpoint_seal_context,
    token_digest,
    token_hint,
)
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.domain.administration import (
        AppRecord,
        SourceRecord,
        TenantRecord,
        TokenRecord,
    )
    from tillgate.domain.ports import AdminStore, SecretBox
    from tillgate.domain.provider import Provider
    from tillgate.domain.tenant import RateLimit

Record = TypeVar("Record")

_SECRET_BYTES = 32
_NO_APP = (
    "{provider} does not sign which merchant a delivery is of, so it cannot choose a tenant:"
    " give each merchant a source with a URL of its own"
)


class Administration:
    """The operator's use cases; all raise StoreUnavailableError.

    Ids come as the caller wrote them: NotFoundError for what is no id, or nobody's.
    """

    def __init__(
        self,
        store: AdminStore,
        *,
        box: SecretBox,
        providers: Mapping[str, Provider],
        default_limit: RateLimit,
    ) -> None:
        """``default_limit`` is for tenants without a limit of their own."""
        self._store = store
        self._default_limit = default_limit
        self._box = box
        self._providers = providers

    def create_tenant(self, *, slug: str, name: str) -> TenantRecord:
        """Raises SlugTakenError."""
        return self._limited(self._store.add_tenant(slug=slug, name=name))

    def tenants(self, *, slug: str | None) -> list[TenantRecord]:
        """Give all tenants in the order of their slugs, or the one with this slug."""
        return [self._limited(tenant) for tenant in self._store.tenants(slug=slug)]

    def tenant(self, tenant_id: str) -> TenantRecord:
        found = self._store.tenant(_tenant_id(tenant_id))
        return self._limited(_found(found, "tenant"))

    def suspend_tenant(self, tenant_id: str) -> TenantRecord:
        """Stop taking the tenant's events and tokens, within 30 s. Idempotent."""
        suspended = self._store.set_tenant_state(_tenant_id(tenant_id), TenantState.SUSPENDED)
        return self._limited(_found(suspended, "tenant"))

    def resume_tenant(self, tenant_id: str) -> TenantRecord:
        """Undo a suspension. Idempotent."""
        resumed = self._store.set_tenant_state(_tenant_id(tenant_id), TenantState.ACTIVE)
        return self._limited(_found(resumed, "tenant"))

    def limit_tenant(self, tenant_id: str, limit: RateLimit | None) -> TenantRecord:
        """Give a tenant a limit of its own, or the stage's, within 30 s. Idempotent."""
        limited = self._store.set_tenant_limit(_tenant_id(tenant_id), limit)
        return self._limited(_found(limited, "tenant"))

    def _limited(self, tenant: TenantRecord) -> TenantRecord:
        """Say by which limit a tenant goes, where it has none of its own."""
        if tenant.limit is not None:
            return tenant
        rate, burst = self._default_limit
        limit = LimitRecord(events_per_second=rate, burst=burst, is_default=True)
        return replace(tenant, limit=limit)

    def issue_token(self, tenant_id: str, *, name: str) -> tuple[TokenRecord, str]:
        """Make an API token; the token itself is given here, and never again."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        record = self._store.add_token(
            _tenant_id(tenant_id),
            name=name,
            digest=token_digest(token),
            hint=token_hint(token),
        )
        return record, token

    def tokens(self, tenant_id: str) -> list[TokenRecord]:
        return self._store.tokens(self.tenant(tenant_id).tenant_id)

    def revoke_token(self, token_id: str) -> TokenRecord:
        """Make a token worthless, within 30 s. Idempotent."""
        revoked = self._store.revoke_token(TokenId(uuid_or_not_found(token_id, of="token")))
        return _found(revoked, "token")

    def register_app(
        self,
        *,
        provider: str,
        name: str,
        secret: str | None,
        public_url: str | None,
        notification_url: str | None,
    ) -> tuple[AppRecord, str | None]:
        """Keep the operator's registration at a vendor.

        ``notification_url`` is the whole URL as registered at the vendor; else it is made
        from ``public_url``, Tillgate's own address. A secret is made when none is given,
        and only then told; but where the vendor issues it after a handshake, the app is
        pending until it is set.
        """
        if not self._providers[provider].signs_merchant:
            raise InvalidRequestError([Fault("/provider", _NO_APP.format(provider=provider))])
        app_id = AppId(str(uuid.uuid4()))
        kept, told, awaits_secret = self._first_secret(secret, provider)
        app = NewApp(
            app_id=app_id,
            provider=provider,
            name=name,
            notification_url=notification_url or _hook_url(public_url, provider, app_id),
            sealed_secret=self._sealed(kept, endpoint_id=app_id, tenant_id=None),
            awaits_secret=awaits_secret,
        )
        return self._store.add_app(app), told

    def apps(self) -> list[AppRecord]:
        return self._store.apps()

    def set_app_secret(self, app_id: str, *, secret: str) -> AppRecord:
        """Replace the secret with which the vendor signs, within 30 s. Idempotent.

        Without an overlap, for one that is not in use yet: one in use is rotated. A previous
        secret, of a rotation that is under way, stays as it is.
        What was pending is ready then, and its verification code forgotten. Raises
        InvalidRequestError for a secret that cannot be this provider's.
        """
        app = _found(self._store.app(AppId(uuid_or_not_found(app_id, of="app"))), "app")
        self._check_secret(app.provider, secret)
        sealed = self._sealed(secret, endpoint_id=app.app_id, tenant_id=None)
        return _found(self._store.set_app_secret(app.app_id, sealed), "app")

    def add_source(
        self,
        tenant_id: str,
        *,
        provider: str,
        name: str | None,
        merchant_id: str | None,
        secret: str | None,
        public_url: str | None,
        notification_url: str | None,
    ) -> tuple[SourceRecord, str | None]:
        """Connect a tenant to a POS by a URL of its own.

        URLs and secret are as for ``register_app``.
        """
        tenant = _tenant_id(tenant_id)
        source_id = SourceId(str(uuid.uuid4()))
        kept, told, awaits_secret = self._first_secret(secret, provider)
        source = NewSource(
            source_id=source_id,
            tenant_id=tenant,
            provider=provider,
            name=name or provider,
            merchant_id=merchant_id,
            app_id=None,
            notification_url=notification_url or _hook_url(public_url, provider, source_id),
            sealed_secret=self._sealed(kept, endpoint_id=source_id, tenant_id=tenant),
            awaits_secret=awaits_secret,
        )
        return self._store.add_source(source), told

    def bind_source(
        self, tenant_id: str, *, app_id: str, provider: str, name: str | None, merchant_id: str
    ) -> SourceRecord:
        """Connect a tenant to a POS through an app: its merchant's events become the tenant's.

        Raises MerchantTakenError, and InvalidRequestError when the app is another provider's.
        """
        app = self._store.app(AppId(uuid_or_not_found(app_id, of="app")))
        app = _found(app, "app")
        if app.provider != provider:
            raise InvalidRequestError([Fault("/provider", f"must be the app's, {app.provider}")])
        source = NewSource(
            source_id=SourceId(str(uuid.uuid4())),
            tenant_id=_tenant_id(tenant_id),
            provider=provider,
            name=name or provider,
            merchant_id=merchant_id,
            app_id=app.app_id,
            notification_url=None,
            sealed_secret=None,
        )
        return self._store.add_source(source)

    def sources(self, tenant_id: str) -> list[SourceRecord]:
        return self._store.sources(self.tenant(tenant_id).tenant_id)

    def set_source_secret(self, source_id: str, *, secret: str) -> SourceRecord:
        """Do as ``set_app_secret``; a source that is bound to an app has none to be replaced."""
        known = self._store.source(SourceId(uuid_or_not_found(source_id, of="source")))
        source = _found(known, "source")
        if source.app_id is not None:
            raise NotFoundError(
                "This source is bound to an app and has no secret of its own: set the app's."
            )
        self._check_secret(source.provider, secret)
        sealed = self._sealed(secret, endpoint_id=source.source_id, tenant_id=source.tenant_id)
        return _found(self._store.set_source_secret(source.source_id, sealed), "source")

    def _first_secret(self, given: str | None, provider: str) -> tuple[str, str | None, bool]:
        """Give the secret to be kept, once more if it is to be told, and whether it is awaited."""
        if given is not None:
            return given, None, False
        made = self._providers[provider].new_secret()
        # What stands in for a vendor's own secret is told to nobody: nobody can sign with it.
        is_awaited = self._providers[provider].has_handshake
        return made, None if is_awaited else made, is_awaited

    def _check_secret(self, provider: str, secret: str) -> None:
        flaw = secret_flaw(self._providers[provider], secret)
        if flaw is not None:
            raise InvalidRequestError([Fault("/secret", flaw)])

    def _sealed(self, secret: str, *, endpoint_id: str, tenant_id: TenantId | None) -> bytes:
        context = endpoint_seal_context(endpoint_id, tenant_id=tenant_id)
        return self._box.seal(secret.encode(), context=context)


def _hook_url(public_url: str | None, provider: str, endpoint_id: str) -> str:
    if public_url is None:
        raise ValueError("either public_url or notification_url must be given")
    return f"{public_url.rstrip('/')}/v1/hooks/{provider}/{endpoint_id}"


def _tenant_id(text: str) -> TenantId:
    return TenantId(uuid_or_not_found(text, of="tenant"))


def _found(record: Record | None, kind: str) -> Record:
    if record is None:
        raise NotFoundError(f"There is no such {kind}.")
    return record
