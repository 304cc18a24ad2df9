"""Rotation: another secret, or another token, while the one before is good for a stated time."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, NamedTuple

from tillgate.domain.endpoint_rotation import EndpointKind
from tillgate.domain.errors import (
    Fault,
    InvalidRequestError,
    NotFoundError,
    RotationConflictError,
)
from tillgate.domain.provider import secret_flaw
from tillgate.domain.tenant import (
    HINT_LENGTH,
    TOKEN_PREFIX,
    AppId,
    SourceId,
    TokenId,
    endpoint_seal_context,
    token_digest,
)
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.domain.administration import AppRecord, SourceRecord, TokenRecord
    from tillgate.domain.operator_ports import Rotations
    from tillgate.domain.ports import AdminStore, SecretBox
    from tillgate.domain.provider import Provider

_SECRET_BYTES = 32
# A re-seal under another key may come between a look and the change.
_TRIES = 3
_PENDING = "This {kind} has no secret of its vendor's yet: set it; there is nothing to rotate."
_UNDER_WAY = (
    "A rotation is under way: the secret before this one is still good. Ask for that one to be"
    " replaced, which ends it at once, or retire it first."
)
_CHANGED = "The secret was changed meanwhile, by somebody else: look, and repeat the call."
_BOUND = "This source is bound to an app and has no secret of its own: rotate the app's."


class _Rotated(NamedTuple):
    """The endpoint whose secret is rotated, and what binds its sealed secrets to it."""

    kind: EndpointKind
    endpoint_id: str
    context: str


class Rotation:
    """The operator's use cases; all raise StoreUnavailableError and SecretUnavailableError.

    Ids come as the caller wrote them: NotFoundError for what is no id, or nobody's.
    """

    def __init__(
        self,
        store: AdminStore,
        rotations: Rotations,
        *,
        box: SecretBox,
        providers: Mapping[str, Provider],
    ) -> None:
        self._store = store
        self._rotations = rotations
        self._box = box
        self._providers = providers

    def rotate_source_secret(
        self, source_id: str, *, secret: str | None, overlap_seconds: int, replaces_previous: bool
    ) -> tuple[SourceRecord, str | None]:
        """Make another secret current; the one before stays good for the overlap.

        Without ``secret`` one is made, and told here and never again. Repeated with the secret
        that is current already it changes nothing, but that without an overlap nothing else is
        good afterwards. At most two are good: RotationConflictError while there are, unless
        ``replaces_previous`` says that the older of them is to end, or there is no overlap, which
        ends both. Raises it while the endpoint is pending, too, and InvalidRequestError for a
        secret that cannot be this provider's, or is the vendor's to issue.
        """
        source = self._own_source(source_id)
        rotated = _Rotated(
            EndpointKind.SOURCE,
            source.source_id,
            endpoint_seal_context(source.source_id, tenant_id=source.tenant_id),
        )
        kept = secret or self._made(source.provider)
        self._check(source.provider, kept)
        self._rotate(rotated, kept, overlap_seconds, replaces_previous=replaces_previous)
        return self._own_source(source_id), None if secret else kept

    def rotate_app_secret(
        self, app_id: str, *, secret: str | None, overlap_seconds: int, replaces_previous: bool
    ) -> tuple[AppRecord, str | None]:
        """Do as ``rotate_source_secret``."""
        app = self._app(app_id)
        context = endpoint_seal_context(app.app_id, tenant_id=None)
        kept = secret or self._made(app.provider)
        self._check(app.provider, kept)
        self._rotate(
            _Rotated(EndpointKind.APP, app.app_id, context),
            kept,
            overlap_seconds,
            replaces_previous=replaces_previous,
        )
        return self._app(app_id), None if secret else kept

    def retire_source_secret(self, source_id: str) -> SourceRecord:
        """End the previous secret, within 30 s. Idempotent: there may be none."""
        source = self._own_source(source_id)
        self._rotations.retire(EndpointKind.SOURCE, source.source_id)
        return self._own_source(source_id)

    def retire_app_secret(self, app_id: str) -> AppRecord:
        """Do as ``retire_source_secret``."""
        self._rotations.retire(EndpointKind.APP, self._app(app_id).app_id)
        return self._app(app_id)

    def rotate_token(
        self, token_id: str, *, overlap_seconds: int
    ) -> tuple[TokenRecord, str, TokenRecord]:
        """Make a token in the place of another, which stays good for the overlap.

        Gives the new one, the token itself, which is told here and never again, and the old one.
        Raises RotationConflictError for a token that was revoked or has a successor: also for a
        call that is repeated.
        """
        known = TokenId(uuid_or_not_found(token_id, of="token"))
        token = TOKEN_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        made = self._rotations.rotate_token(
            known,
            digest=token_digest(token),
            hint=token[:HINT_LENGTH],
            overlap_seconds=overlap_seconds,
        )
        old = self._rotations.token(known)
        if old is None:
            raise NotFoundError("There is no such token.")
        if made is None:
            raise RotationConflictError(
                "The token was revoked: issue another."
                if old.replaced_by is None
                else f"The token was rotated already. Its successor is {old.replaced_by}: if that"
                " one was never seen, rotate it without an overlap."
            )
        return made, token, old

    def _rotate(
        self, rotated: _Rotated, secret: str, overlap_seconds: int, *, replaces_previous: bool
    ) -> None:
        known: str | None = None
        for _ in range(_TRIES):
            found = self._rotations.secrets(rotated.kind, rotated.endpoint_id)
            if found is None:
                raise NotFoundError(f"There is no such {rotated.kind}.")
            if found.awaits_secret:
                raise RotationConflictError(_PENDING.format(kind=rotated.kind))
            current = self._box.open(found.sealed, context=rotated.context).decode()
            if hmac.compare_digest(current.encode(), secret.encode()):
                if overlap_seconds == 0:
                    self._rotations.retire(rotated.kind, rotated.endpoint_id)
                return
            if known is not None and known != current:
                raise RotationConflictError(_CHANGED)
            if found.has_previous and overlap_seconds and not replaces_previous:
                raise RotationConflictError(_UNDER_WAY)
            known = current
            if self._rotations.rotate(
                rotated.kind,
                rotated.endpoint_id,
                expected=found.sealed,
                sealed=self._box.seal(secret.encode(), context=rotated.context),
                overlap_seconds=overlap_seconds,
                replaces_previous=replaces_previous,
            ):
                return
        raise RotationConflictError(_CHANGED)

    def _made(self, provider: str) -> str:
        if self._providers[provider].has_handshake:
            raise InvalidRequestError([Fault("/secret", "is required: the vendor issues it")])
        return self._providers[provider].new_secret()

    def _check(self, provider: str, secret: str) -> None:
        flaw = secret_flaw(self._providers[provider], secret)
        if flaw is not None:
            raise InvalidRequestError([Fault("/secret", flaw)])

    def _own_source(self, source_id: str) -> SourceRecord:
        found = self._store.source(SourceId(uuid_or_not_found(source_id, of="source")))
        if found is None:
            raise NotFoundError("There is no such source.")
        if found.app_id is not None:
            raise NotFoundError(_BOUND)
        return found

    def _app(self, app_id: str) -> AppRecord:
        found = self._store.app(AppId(uuid_or_not_found(app_id, of="app")))
        if found is None:
            raise NotFoundError("There is no such app.")
        return found
