"""Two secrets in a Secrets Manager in memory, and whoever rotates them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.rotation_fakes import InMemorySealedRows, InMemorySecretNotes
from tests.secret_versions import VersionedSecrets, VersionsClient
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.secret_versions import SecretsManagerVersions
from tillgate.domain.rotation import PlatformSecret, RotationRefusedError, Step
from tillgate.services.rotate import RotateSecret
from tillgate.services.rotated_secrets import RotatedKeyRing, RotatedToken

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
NAMES = {"arn:ring": PlatformSecret.KEY_RING, "arn:op": PlatformSecret.OPERATOR}
OLD_TOKEN = "o" * 48
RING = {"k1": "one"}


class RotationStand:
    """Two secrets and whoever rotates them; ``now`` may be set."""

    def __init__(self) -> None:
        self.now = NOW
        self.secrets = VersionedSecrets(
            {"arn:ring": json.dumps(RING), "arn:op": json.dumps({"token": OLD_TOKEN})}
        )
        self.secrets.clock = lambda: self.now.timestamp()  # noqa: PLW0108  Of the time that is set later.
        self.client = VersionsClient(self.secrets)
        self.rows = InMemorySealedRows()
        self.notes = InMemorySecretNotes()
        self.rotate = RotateSecret(
            SecretsManagerVersions(self.client),  # type: ignore[arg-type]  # As much as is used.
            self.notes,
            names=NAMES,
            kinds={
                PlatformSecret.KEY_RING: RotatedKeyRing(
                    self.rows, make_box=lambda text: KeyRingSecretBox(lambda: text)
                ),
                PlatformSecret.OPERATOR: RotatedToken(overlap=timedelta(days=7)),
            },
            clock=lambda: self.now,
        )

    def whole(self, secret_id: str) -> str:
        """Rotate it, as Secrets Manager does; give the version's id."""
        version = self.secrets.begin_rotation(secret_id)
        for step in Step:
            self.rotate.run(step, secret_id, version)
        return version

    def ring(self) -> dict[str, str]:
        ring: dict[str, str] = json.loads(self.secrets.current["arn:ring"])
        return ring

    def begin(self, secret_id: str, text: str | None = None) -> str:
        """Begin a rotation; with ``text``, of which that is the pending value already."""
        version = self.secrets.begin_rotation(secret_id)
        self.secrets.versions(secret_id)[version].text = text
        return version

    def refusal(self, step: Step, secret_id: str, version: str) -> str:
        """Give the word for which a step is refused."""
        try:
            self.rotate.run(step, secret_id, version)
        except RotationRefusedError as error:
            return error.code
        raise AssertionError(f"{step} was not refused")
