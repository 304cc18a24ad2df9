"""Keeping the sealed snapshot of the registry no older than it has to be."""

from __future__ import annotations

import hashlib
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.registry_snapshot import SNAPSHOT_CONTEXT, SNAPSHOT_KEY, snapshot_text

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.ports import ObjectStore, RegistrySnapshots, SecretBox

# An unchanged one is written again this often, so that its age says how long it was not so.
_AT_LEAST_EVERY = timedelta(hours=1)


class SnapshotKeeper:
    """Writes the snapshot when it changed since this sandbox wrote it last, and each hour."""

    def __init__(
        self, registry: RegistrySnapshots, objects: ObjectStore, secret_box: SecretBox
    ) -> None:
        self._registry = registry
        self._objects = objects
        self._secret_box = secret_box
        self._written: tuple[bytes, datetime] | None = None

    def run(self, now: datetime) -> bool:
        """Look, and write where there is cause; tell whether it was written.

        Raises StoreUnavailableError, ObjectsUnavailableError, SecretUnavailableError.
        """
        registry = self._registry.registry_snapshot()
        digest = hashlib.sha256(registry.encode()).digest()
        if self._written is not None:
            known, written_at = self._written
            if known == digest and timedelta(0) <= now - written_at < _AT_LEAST_EVERY:
                return False
        plain = zlib.compress(snapshot_text(registry, taken_at=now).encode())
        self._objects.put(SNAPSHOT_KEY, self._secret_box.seal(plain, context=SNAPSHOT_CONTEXT))
        self._written = (digest, now)
        return True
