"""Who may send, by the snapshot of the registry: for a cold sandbox, with the database down.

Sweep writes the snapshot, sealed, whenever it changed. Whom it does not know may be new, so
that is no answer at all; and what is a day old is nobody's permission any more.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeVar

from tillgate.domain.errors import (
    ObjectsUnavailableError,
    SecretUnavailableError,
    StoreUnavailableError,
)
from tillgate.domain.registry_snapshot import (
    SNAPSHOT_CONTEXT,
    SNAPSHOT_KEY,
    RegistrySnapshot,
    snapshot_from_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tillgate.domain.ports import ObjectStore, SecretBox
    from tillgate.domain.tenant import AppId, Endpoint, Source, TokenStanding

MAX_AGE_SECONDS = 24 * 3600.0
# It is read again after this long, and sooner where there was none to be had.
READ_AGAIN_SECONDS = 60.0
RETRY_SECONDS = 5.0

Found = TypeVar("Found")


class SnapshotRegistry:
    """Implements Registry. Raises StoreUnavailableError for what the snapshot does not know.

    ``now`` is the wall clock. A token or a previous secret may have ended since it was taken: it
    says when.
    """

    def __init__(
        self, objects: ObjectStore, secret_box: SecretBox, *, now: Callable[[], datetime]
    ) -> None:
        self._objects = objects
        self._secret_box = secret_box
        self._now = now
        self._snapshot: RegistrySnapshot | None = None
        self._asked_at: datetime | None = None
        # Why it could not be read, for the log.
        self._failure: Exception | None = None

    def find_token(self, digest: bytes) -> TokenStanding | None:
        return _known(self._current().tokens.get(digest))

    def find_endpoint(
        self,
        provider: str,
        endpoint_id: str,
        *,
        at_most_seconds_old: float | None = None,  # noqa: ARG002  It is as old as it is.
    ) -> Endpoint | None:
        return _known(self._current().endpoints.get((provider, endpoint_id)))

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        return _known(self._current().bound_sources.get((app_id, merchant_id)))

    def _current(self) -> RegistrySnapshot:
        now = self._now()
        wait = RETRY_SECONDS if self._snapshot is None or self._failure else READ_AGAIN_SECONDS
        # An age below zero means that the clock was set back.
        if self._asked_at is None or not 0 <= (now - self._asked_at).total_seconds() < wait:
            self._asked_at = now
            self._snapshot = self._read() or self._snapshot
        snapshot = self._snapshot
        if snapshot is None:
            raise StoreUnavailableError("there is no snapshot to go by") from self._failure
        if (now - snapshot.taken_at).total_seconds() > MAX_AGE_SECONDS:
            raise StoreUnavailableError("the snapshot of the registry is more than a day old")
        return snapshot

    def _read(self) -> RegistrySnapshot | None:
        self._failure = None
        try:
            sealed = self._objects.get(SNAPSHOT_KEY)
            if sealed is None:
                return None
            plain = self._secret_box.open(sealed, context=SNAPSHOT_CONTEXT)
            return snapshot_from_text(zlib.decompress(plain).decode())
        except (ObjectsUnavailableError, SecretUnavailableError, ValueError, zlib.error) as error:
            # Nobody is let in by a snapshot that cannot be read; the older one may still do.
            self._failure = error
            return None


def _known(found: Found | None) -> Found:
    if found is None:
        raise StoreUnavailableError("the snapshot of the registry does not say")
    return found
