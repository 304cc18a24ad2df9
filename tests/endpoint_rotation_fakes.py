"""An in-memory stand-in for rotations, over the admin store's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.admin_fakes import NOW
from tillgate.domain.administration import EndpointState
from tillgate.domain.endpoint_rotation import (
    MAX_OVERLAP_SECONDS,
    EndpointKind,
    EndpointSecrets,
    PreviousSecretRecord,
)
from tillgate.domain.tenant import AppId, SourceId

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.admin_fakes import InMemoryAdminStore
    from tillgate.domain.administration import AppRecord, SourceRecord, TokenRecord
    from tillgate.domain.tenant import TokenId


class InMemoryRotations:
    """Implements Rotations; ``previous`` has what was sealed before, by endpoint.

    ``meanwhile`` is called once, just before a secret would be changed.
    """

    def __init__(self, store: InMemoryAdminStore) -> None:
        self._store = store
        self.previous: dict[str, bytes] = {}
        self.meanwhile: Callable[[], object] = lambda: None

    def secrets(self, kind: EndpointKind, endpoint_id: str) -> EndpointSecrets | None:
        record, sealed = self._record(kind, endpoint_id), self._store.sealed.get(endpoint_id)
        if record is None or sealed is None:
            return None
        return EndpointSecrets(
            sealed=sealed,
            awaits_secret=record.state is EndpointState.PENDING,
            has_previous=record.previous_secret is not None,
        )

    def rotate(
        self,
        kind: EndpointKind,
        endpoint_id: str,
        *,
        expected: bytes,
        sealed: bytes,
        overlap_seconds: int,
        replaces_previous: bool,
    ) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        found = self.secrets(kind, endpoint_id)
        if found is None or found.sealed != expected or found.awaits_secret:
            return False
        if found.has_previous and overlap_seconds and not replaces_previous:
            return False
        self._store.sealed[endpoint_id] = sealed
        self.previous.pop(endpoint_id, None)
        until = NOW + timedelta(seconds=overlap_seconds)
        record = None
        if overlap_seconds:
            self.previous[endpoint_id] = expected
            record = PreviousSecretRecord(
                rotated_at=NOW,
                overlap_ends_at=until,
                good_until=until,
                ends_by=NOW + timedelta(seconds=MAX_OVERLAP_SECONDS),
                last_matched_at=None,
            )
        self._put(kind, endpoint_id, record)
        return True

    def retire(self, kind: EndpointKind, endpoint_id: str) -> None:
        self.previous.pop(endpoint_id, None)
        self._put(kind, endpoint_id, None)

    def token(self, token_id: TokenId) -> TokenRecord | None:
        return self._store.all_tokens.get(token_id)

    def rotate_token(
        self, token_id: TokenId, *, digest: bytes, hint: str, overlap_seconds: int
    ) -> TokenRecord | None:
        old = self._store.all_tokens.get(token_id)
        if old is None or old.revoked_at is not None:
            return None
        made = self._store.add_token(old.tenant_id, name=old.name, digest=digest, hint=hint)
        end = NOW + timedelta(seconds=overlap_seconds)
        ended = replace(old, revoked_at=end, replaced_by=made.token_id)
        self._store.all_tokens[token_id] = ended
        return made

    def _record(self, kind: EndpointKind, endpoint_id: str) -> SourceRecord | AppRecord | None:
        if kind is EndpointKind.APP:
            return self._store.app(AppId(endpoint_id))
        return self._store.source(SourceId(endpoint_id))

    def _put(
        self, kind: EndpointKind, endpoint_id: str, previous: PreviousSecretRecord | None
    ) -> None:
        if kind is EndpointKind.APP:
            app = self._store.all_apps[endpoint_id]
            self._store.all_apps[endpoint_id] = replace(app, previous_secret=previous)
        else:
            source = self._store.all_sources[endpoint_id]
            self._store.all_sources[endpoint_id] = replace(source, previous_secret=previous)
