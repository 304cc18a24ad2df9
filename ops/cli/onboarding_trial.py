"""A synthetic delivery through a new source's own URL: sent, read back, delivered, taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ops.cli.errors import CliError
from ops.cli.onboarding_secret import set_secret
from ops.synthetic import NotAsSignedError, SyntheticEvent, Target

if TYPE_CHECKING:
    from ops.cli.checklist import Checklist, Step
    from ops.cli.onboarding import Onboarded, Wanted
    from ops.cli.session import Session

TEST_DELIVERY = "test delivery"


class Trial:
    """Tries the whole way with one event, and leaves nothing of it, whatever becomes of it."""

    def __init__(self, session: Session, wanted: Wanted, checklist: Checklist) -> None:
        self._session = session
        self._wanted = wanted
        self._checklist = checklist
        self._event: SyntheticEvent | None = None
        self._is_gone = False
        self._copy_stays: str | None = None

    @property
    def told(self) -> dict[str, object] | None:
        """Give what there is to say of it to a machine; None where nothing was sent."""
        if self._event is None or self._event.key is None:
            return None
        return {
            "event_id": self._event.event_id,
            "idempotency_key": self._event.key,
            "marker": self._event.marker,
            "taken_away": self._is_gone,
            "copy_stays": self._copy_stays,
        }

    def run(self, done: Onboarded) -> None:
        """Raises CliError with what to do where the way does not work."""
        reason = self._why_not(done)
        if reason is not None:
            self._checklist.skip(TEST_DELIVERY, reason)
            return
        self._event = event = SyntheticEvent(
            self._target(done),
            client=self._session.client,
            around=self._session.surroundings,
        )
        try:
            with self._checklist.step(TEST_DELIVERY) as step:
                self._event = event = self._send(step, event, done)
            with self._checklist.step("read back") as step:
                step.detail = event.read_back()
            if done.destination is not None:
                with self._checklist.step("delivered") as step:
                    attempts = event.wait_until_delivered()
                    repeated = f", after {attempts} attempts" if attempts > 1 else ""
                    step.detail = f"to {done.destination}{repeated}"
        finally:
            self._take_away(event, done)

    def _why_not(self, done: Onboarded) -> str | None:
        if not self._wanted.is_tried:
            return "not wanted"
        if done.secret is None:
            return "the secret is not known here: repeat the command with --secret-stdin"
        return None

    def _target(self, done: Onboarded) -> Target:
        noun, endpoint_id = done.endpoint
        merchant_id = done.source.get("merchant_id")
        return Target(
            provider=self._wanted.provider,
            tenant_id=done.tenant_id,
            noun=noun,
            endpoint_id=endpoint_id,
            notification_url=str(done.source["notification_url"]),
            merchant_id=str(merchant_id) if merchant_id else None,
            secret=done.secret or "",
        )

    def _send(self, step: Step, event: SyntheticEvent, done: Onboarded) -> SyntheticEvent:
        """Send it; where a person gave another secret than Tillgate has, let them decide."""
        try:
            step.detail = event.send(secret_is_new=done.is_secret_new)
        except NotAsSignedError:
            if done.is_secret_new or not self._session.surroundings.is_interactive():
                raise
            with step.waiting():
                is_wanted = typer.confirm(
                    "Refused: Tillgate has another secret than the one you gave. Replace it by"
                    " yours?",
                    err=True,
                )
            if not is_wanted:
                raise
            set_secret(self._session, done, done.secret or "")
            step.detail = event.send(secret_is_new=True)
        return event

    def _take_away(self, event: SyntheticEvent, done: Onboarded) -> None:
        if event.event_id is None:
            return
        with self._checklist.step("cleaned up") as step:
            try:
                self._copy_stays = event.take_away()
            except CliError as error:
                raise CliError(
                    f"The synthetic event {event.event_id} could not be taken away:"
                    f" {error.message}",
                    details=error.details,
                    next_step=f"tillgate event discard {done.tenant_id} {event.event_id}",
                ) from error
            self._is_gone = True
            step.detail = "nothing synthetic is left"
            if self._copy_stays is not None:
                step.detail = f"here; its copy at {done.destination} stays: {self._copy_stays}"
                self._session.output.note_lines(how_to_delete(event.event_id))


def how_to_delete(event_id: str) -> str:
    """Say what is left to be done by hand where a destination lets nothing be removed."""
    statement = f"DELETE FROM public.tillgate_event WHERE event_id = '{event_id}';"  # noqa: S608  For a person to read.
    return (
        "The destination did not let its row be removed. By hand, in its SQL editor:\n"
        f"  {statement}\n"
        "ops/supabase/schema.sql, run there again, grants the right to do so."
    )
