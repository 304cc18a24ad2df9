"""What functions/rotate is called with: a rotation's step, a task by name, or the daily event.

Secrets Manager calls with ``{"Step", "SecretId", "ClientRequestToken"}``; a person with
``{"task": "end-overlap", "secret": "operator"}`` or ``{"task": "upkeep"}``; EventBridge, with
whatever it has, means the upkeep. Each call writes one line, and a failure is raised, by which
Secrets Manager knows that the step has to be called again.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from tillgate.domain.errors import TillgateError
from tillgate.domain.rotation import PlatformSecret, Step
from tillgate.entrypoints.observability import log_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.services.reseal import Reseal
    from tillgate.services.rotate import Report, RotateSecret

Word = TypeVar("Word", bound=StrEnum)


class NotUnderstoodCallError(TillgateError):
    """The call is for nothing that there is here."""


class RotateTask:
    """Does what one call asks for. ``begin`` is called first: the run's time goes from then."""

    def __init__(
        self,
        rotate: RotateSecret,
        reseal: Reseal,
        *,
        stage: str,
        version: str,
        begin: Callable[[], None],
    ) -> None:
        self._rotate = rotate
        self._reseal = reseal
        self._stage = stage
        self._version = version
        self._begin = begin

    def __call__(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self._begin()
        return log_task(
            "rotate", lambda: self._run(event), version=self._version, stage=self._stage
        )

    def _run(self, event: Mapping[str, Any]) -> Report:
        if "Step" in event:
            step = _one_of(Step, event["Step"])
            return self._rotate.run(step, str(event["SecretId"]), str(event["ClientRequestToken"]))
        task = event.get("task", "upkeep")
        if task == "end-overlap":
            return self._rotate.end_overlap(_one_of(PlatformSecret, event.get("secret")))
        if task == "upkeep":
            return self._upkeep()
        raise NotUnderstoodCallError(f"no task {task!r}: end-overlap or upkeep")

    def _upkeep(self) -> Report:
        # The ages first: they are short, and an alert hangs on them.
        ages = self._rotate.note()
        return {"secret_age_days": ages, **asdict(self._reseal.run())}


def _one_of(kinds: type[Word], value: object) -> Word:
    try:
        return kinds(str(value))
    except ValueError:
        raise NotUnderstoodCallError(f"none of {', '.join(kinds)}") from None
