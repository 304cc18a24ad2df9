"""Keeping the sealed snapshot of the registry no older than it has to be."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.errors import ObjectsUnavailableError, SealBrokenError, TillgateError
from tillgate.domain.registry_snapshot import (
    SNAPSHOT_CONTEXT,
    SNAPSHOT_KEY,
    snapshot_text,
    taken_at_with,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.ports import ObjectStore, RegistrySnapshots, SecretBox

# An unchanged one is written again this often, so that its age says how long it was not so.
_AT_LEAST_EVERY = timedelta(hours=1)

# What cold sandboxes still read in time, and the S3 client at all: some 80,000 tenants.
MAX_SNAPSHOT_BYTES = 30 * 1024 * 1024


class SnapshotTooLargeError(TillgateError):
    """The registry has outgrown its one snapshot: cold sandboxes have to go by the last one."""

    def __init__(self, compressed_bytes: int) -> None:
        super().__init__(f"the snapshot of the registry would take {compressed_bytes} bytes")


class SnapshotKeeper:
    """Writes the snapshot when the one that is kept differs, and each hour.

    It looks at what is kept, not at what it wrote: another sandbox may have written since.
    """

    def __init__(
        self, registry: RegistrySnapshots, objects: ObjectStore, secret_box: SecretBox
    ) -> None:
        self._registry = registry
        self._objects = objects
        self._secret_box = secret_box

    def run(self, now: datetime) -> bool:
        """Look, and write where there is cause; tell whether it was written.

        Raises StoreUnavailableError, ObjectsUnavailableError, SecretUnavailableError, and
        SnapshotTooLargeError.
        """
        registry = self._registry.registry_snapshot()
        taken_at = taken_at_with(self._kept(), registry)
        if taken_at is not None and timedelta(0) <= now - taken_at < _AT_LEAST_EVERY:
            return False
        plain = zlib.compress(snapshot_text(registry, taken_at=now).encode())
        if len(plain) > MAX_SNAPSHOT_BYTES:
            raise SnapshotTooLargeError(len(plain))
        self._objects.put(SNAPSHOT_KEY, self._secret_box.seal(plain, context=SNAPSHOT_CONTEXT))
        return True

    def _kept(self) -> str:
        """Give the snapshot that is kept, or nothing where none is that can be read."""
        try:
            sealed = self._objects.get(SNAPSHOT_KEY)
            if sealed is None:
                return ""
            plain = self._secret_box.open(sealed, context=SNAPSHOT_CONTEXT)
            return zlib.decompress(plain).decode()
        except (ObjectsUnavailableError, SealBrokenError, zlib.error, ValueError):
            return ""
