"""How the platform's own secrets stand: each key of the ring, and how old each secret is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tillgate.domain.key_ring import standings
from tillgate.domain.rotation import PlatformSecret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.key_ring import KeyStanding
    from tillgate.domain.rotation import NotedSecret, SecretAges
    from tillgate.domain.sealed import SealedRows, SealingRing

# As the alert has it (secret-age).
OLD_AFTER_DAYS = 90
# Rotate notes the ages each day: what is older than this says that it does not run.
_NOTED_WITHIN_DAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretStanding:
    """One secret; ``made_at`` and ``age_days`` are None until functions/rotate noted them."""

    name: PlatformSecret
    made_at: datetime | None
    age_days: int | None
    is_old: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysReport:
    """``warnings`` are sentences, of what a person has to see to."""

    keys: tuple[KeyStanding, ...]
    secrets: tuple[SecretStanding, ...]
    warnings: tuple[str, ...]


class ListKeys:
    """Looks at the ring's names, at the rows that name them, and at the ages that were noted."""

    def __init__(
        self,
        rows: SealedRows,
        ages: SecretAges,
        *,
        ring: SealingRing,
        clock: Callable[[], datetime],
    ) -> None:
        self._rows = rows
        self._ages = ages
        self._ring = ring
        self._clock = clock

    def run(self) -> KeysReport:
        """Raises StoreUnavailableError and SecretUnavailableError."""
        now = self._clock()
        # By an older ring, what the newest key sealed would seem to be lost.
        self._ring.reload()
        kids = self._ring.kids
        named = self._rows.named()
        noted = {note.name: note for note in self._ages.noted()}
        secrets = tuple(_standing(name, noted.get(name), now) for name in PlatformSecret)
        keys = standings(kids, named, now.date())
        ring = noted.get(PlatformSecret.KEY_RING)
        if ring is not None and keys[0].made_on is None:
            # The first key is as old as the secret that it came with.
            keys = (replace(keys[0], made_on=ring.first_made_at.date()), *keys[1:])
        warnings = [
            *_of_age(secrets),
            *_of_silence(noted, now),
            *_of_strangers(named, kids),
        ]
        return KeysReport(keys=keys, secrets=secrets, warnings=tuple(warnings))


def _standing(name: PlatformSecret, noted: NotedSecret | None, now: datetime) -> SecretStanding:
    days = (now - noted.made_at).days if noted else None
    return SecretStanding(
        name=name,
        made_at=noted.made_at if noted else None,
        age_days=days,
        is_old=days is not None and days > OLD_AFTER_DAYS,
    )


def _of_age(secrets: Sequence[SecretStanding]) -> list[str]:
    return [
        f"The {one.name} secret is {one.age_days} days old, and should be {OLD_AFTER_DAYS} at most."
        for one in secrets
        if one.is_old
    ]


def _of_silence(noted: Mapping[PlatformSecret, NotedSecret], now: datetime) -> list[str]:
    last = max((note.noted_at for note in noted.values()), default=now)
    days = (now - last).days
    if days < _NOTED_WITHIN_DAYS:
        return []
    return [f"functions/rotate, which runs each day, last noted these ages {days} days ago."]


def _of_strangers(named: Mapping[str, Mapping[str, int]], kids: Sequence[str]) -> list[str]:
    return [
        f"Rows of {', '.join(sorted(named[kid]))} name the key {kid!r}, which the ring has not:"
        " nobody can open them."
        for kid in sorted(named.keys() - set(kids))
    ]
