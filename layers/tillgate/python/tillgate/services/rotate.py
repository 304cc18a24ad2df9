"""One secret's rotation in Secrets Manager's four steps, each safe to repeat at any point.

Secrets Manager calls them in order, and calls again what failed or gave no answer. Between any two
lines here a sandbox may die, and two may do the same step at once: the version's id is the
rotation's, its value is written once, and it becomes the current one by a compare-and-swap.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.rotation import (
    CURRENT,
    PENDING,
    RotationRefusedError,
    SecretNote,
    StageMovedError,
    Step,
    VersionTakenError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tillgate.domain.rotation import (
        PlatformSecret,
        SecretDescription,
        SecretNotes,
        SecretValue,
        SecretVersions,
    )

# What is put in the log line.
Report = dict[str, object]
# The label of a version that takes an overlap back, until it is the current one.
_ENDING = "ENDING"


class SecretKind(Protocol):
    """What is particular to one kind of secret; all by their values, nothing of Secrets Manager."""

    def renewed(self, current: str, now: datetime) -> tuple[str, Report]:
        """Make the next value of the current one, and say what is in it that may be said."""
        ...

    def check(self, pending: str, current: str, now: datetime) -> None:
        """Raise RotationRefusedError unless ``pending`` may follow ``current`` now."""
        ...

    def without_overlap(self, current: str) -> str | None:
        """Give the value in which what was before is good no more; None where that is so."""
        ...


class RotateSecret:
    """Does one step for one secret; ``kinds`` are by the secrets' ARNs."""

    def __init__(
        self,
        versions: SecretVersions,
        notes: SecretNotes,
        *,
        names: Mapping[str, PlatformSecret],
        kinds: Mapping[PlatformSecret, SecretKind],
        clock: Callable[[], datetime],
    ) -> None:
        self._versions = versions
        self._notes = notes
        self._names = names
        self._kinds = kinds
        self._clock = clock

    def run(self, step: Step, secret_id: str, version: str) -> Report:
        """Do one step of the rotation whose version this is.

        Raises RotationRefusedError, SecretUnavailableError, and StoreUnavailableError where what
        would be dropped cannot be told to be unused: Secrets Manager calls again.
        """
        name = self._name(secret_id)
        report: Report = {"secret": name, "step": step}
        labels = self._labels(secret_id, version)
        if CURRENT in labels:
            return {**report, "is_done_before": True}
        if PENDING not in labels:
            raise RotationRefusedError("not-pending", "the version is not the pending one")
        if step is Step.CREATE:
            return {**report, **self._create(name, secret_id, version)}
        if step is Step.TEST:
            self._check(name, secret_id, version)
        if step is Step.FINISH:
            self._finish(name, secret_id, version)
        # setSecret: nobody but Secrets Manager keeps these secrets, so nowhere is it to be set.
        return report

    def end_overlap(self, name: PlatformSecret) -> Report:
        """Make what was before the current value good no more, at once. Idempotent."""
        secret_id = next(arn for arn, known in self._names.items() if known is name)
        current = self._current(secret_id, self._versions.describe(secret_id))
        version, value = current
        text = self._kinds[name].without_overlap(value.text)
        if text is None:
            return {"secret": name, "is_done_before": True}
        ended = str(uuid.uuid4())
        self._versions.put(secret_id, ended, text, label=_ENDING)
        try:
            self._versions.make_current(secret_id, ended, instead_of=version)
        except StageMovedError as error:
            raise RotationRefusedError("rotated-meanwhile", "it was rotated: try again") from error
        self.note()
        return {"secret": name, "is_overlap_ended": True}

    def note(self) -> dict[str, int]:
        """Note how old each secret is; give the whole days of each.

        Raises SecretUnavailableError and StoreUnavailableError.
        """
        notes, now = [], self._clock()
        for secret_id, name in self._names.items():
            described = self._versions.describe(secret_id)
            _, value = self._current(secret_id, described)
            notes.append(SecretNote(name, value.made_at, described.first_made_at))
        self._notes.note(notes)
        return {note.name: (now - note.made_at).days for note in notes}

    def _create(self, name: PlatformSecret, secret_id: str, version: str) -> Report:
        if self._versions.value(secret_id, version) is not None:
            return {"is_done_before": True}
        _, current = self._current(secret_id, self._versions.describe(secret_id))
        text, said = self._kinds[name].renewed(current.text, self._clock())
        try:
            self._versions.put(secret_id, version, text, label=PENDING)
        except VersionTakenError:
            # The same step, at the same time, elsewhere: what that made is as good.
            return {"is_done_before": True}
        return said

    def _check(self, name: PlatformSecret, secret_id: str, version: str) -> str:
        """Raise RotationRefusedError unless it may be the next; give the current version."""
        pending = self._versions.value(secret_id, version)
        if pending is None:
            raise RotationRefusedError("no-value", "the pending version has no value yet")
        held, current = self._current(secret_id, self._versions.describe(secret_id))
        if held != version:
            self._kinds[name].check(pending.text, current.text, self._clock())
        return held

    def _finish(self, name: PlatformSecret, secret_id: str, version: str) -> None:
        # Once more: the current one may have changed since the test.
        held = self._check(name, secret_id, version)
        if held != version:
            try:
                self._versions.make_current(secret_id, version, instead_of=held)
            except StageMovedError as error:
                if CURRENT not in self._labels(secret_id, version):
                    raise RotationRefusedError(
                        "current-moved", "another version became the current one meanwhile"
                    ) from error
        # It is current, whoever knows its age; the daily run notes it as well.
        with suppress(StoreUnavailableError):
            self.note()

    def _labels(self, secret_id: str, version: str) -> frozenset[str]:
        labels = self._versions.describe(secret_id).labels.get(version)
        if labels is None:
            raise RotationRefusedError("no-version", "the secret has no such version")
        return labels

    def _current(self, secret_id: str, described: SecretDescription) -> tuple[str, SecretValue]:
        version = described.version_with(CURRENT)
        value = self._versions.value(secret_id, version) if version else None
        if version is None or value is None:
            raise RotationRefusedError("no-current", "the secret has no current value")
        return version, value

    def _name(self, secret_id: str) -> PlatformSecret:
        try:
            return self._names[secret_id]
        except KeyError:
            raise RotationRefusedError("unknown-secret", "no secret that is rotated here") from None
