"""What the vendor has to be told, and what it tells: the URL, its handshake, its secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.cli.errors import CliError, ServerRefusedError
from ops.cli.vendor_guides import guide_of
from ops.cli.vendor_secret import ask_line

if TYPE_CHECKING:
    from ops.cli.checklist import Checklist, Step
    from ops.cli.onboarding import Onboarded, Record, Wanted
    from ops.cli.session import Session

LOOK_EVERY_SECONDS = 1.0
MOST_TYPED = 3


class VendorsPart:
    """Shows the URL, waits for the vendor's handshake where it has one, and sets the secret."""

    def __init__(self, session: Session, wanted: Wanted, checklist: Checklist) -> None:
        self._session = session
        self._wanted = wanted
        self._checklist = checklist
        self._guide = guide_of(wanted.provider)

    def settle(self, into: Onboarded) -> None:
        """Raises CliError where the secret that is to come does not come."""
        awaits_secret = into.source.get("state") == "pending"
        if into.is_source_new or awaits_secret:
            self._show_url(into)
        if awaits_secret:
            with self._checklist.step("handshake") as step:
                self._await_handshake(step, into)
        with self._checklist.step("secret") as step:
            if awaits_secret:
                self._set_awaited(step, into)
            elif into.is_source_new and not self._wanted.app_id:
                self._settle_new(step, into)
            else:
                self._ask_for_known(step, into)

    def _show_url(self, into: Onboarded) -> None:
        tell, guide = self._session.output.note_lines, self._guide
        tell(f"\nThe URL for {guide.title}:\n\n  {into.source['notification_url']}\n")
        tell(f"{guide.where}\nMore: docs/providers/{self._wanted.provider}.md\n")

    def _await_handshake(self, step: Step, into: Onboarded) -> None:
        """Look until the vendor has called: by a code to be typed in there, or just so."""
        around, note = self._session.surroundings, self._session.output.note
        if not _has_called(into.source):
            seconds = self._wanted.wait_seconds
            note(f"Waiting up to {seconds:.0f} s for {self._guide.title}. Ctrl-C, and repeating"
                 " the command, are fine.")  # fmt: skip
            with step.waiting():
                deadline = around.clock() + seconds
                while not _has_called(into.source) and around.clock() < deadline:
                    around.pause(LOOK_EVERY_SECONDS)
                    into.source = self._source_now(into)
        if not _has_called(into.source):
            raise CliError(
                f"{self._guide.title} has not called the URL yet.",
                details=(self._guide.where,),
                next_step="do that at the vendor, then repeat the command: it goes on from here",
            )
        code = into.source.get("verification_code")
        if code:
            step.detail = "its code has come"
            told = f"\nThe code to type in at {self._guide.title}:\n\n  {code}\n"
            self._session.output.note_lines(f"{told}\nIt then shows {self._guide.secret}.\n")
        else:
            step.detail = f"it called at {into.source.get('handshake_at')}, and was answered"

    def _source_now(self, into: Onboarded) -> Record:
        path, source_id = f"/tenants/{into.tenant_id}/sources", into.source["source_id"]
        for source in self._session.client.get(path).records("sources"):
            if source.get("source_id") == source_id:
                return source
        raise CliError("The source is gone.", next_step="repeat the command, which makes it anew")

    def _set_awaited(self, step: Step, into: Onboarded) -> None:
        if not self._ask_and_set(step, into, question=f"{self._called()} (hidden)"):
            raise CliError(
                f"The {into.endpoint[0]} awaits its secret: {self._guide.secret}.",
                next_step="repeat the command, from a terminal or with --secret-stdin:"
                " it goes on from here",
            )

    def _settle_new(self, step: Step, into: Onboarded) -> None:
        """Set what the vendor shows now that it has the URL; else what Tillgate made stays."""
        if into.secret is not None and not into.is_secret_made:
            step.detail = "as given"
            return
        question = f"{self._called()} (hidden; Enter: Tillgate's own)"
        if self._session.surroundings.is_interactive() and self._ask_and_set(
            step, into, question=question
        ):
            into.is_secret_made = False
            return
        step.detail = f"made by Tillgate: set it at {self._guide.title}, too"

    def _ask_for_known(self, step: Step, into: Onboarded) -> None:
        """Ask for what Tillgate has already and never shows, to sign with it."""
        question = f"{self._called()}, as Tillgate has it (hidden; Enter: no test delivery)"
        with step.waiting():
            into.secret = self._ask(question)
        step.kept("set before; as given" if into.secret else "set before, and not known here")

    def _ask_and_set(self, step: Step, into: Onboarded, *, question: str) -> bool:
        """Set what was given; False for nothing. A person who mistyped may try again."""
        tries = MOST_TYPED if self._session.surroundings.is_interactive() else 1
        while True:
            with step.waiting():
                secret = self._ask(question)
            if secret is None:
                return False
            try:
                set_secret(self._session, into, secret)
            except ServerRefusedError as error:
                tries -= 1
                if tries == 0 or error.refusal.kind != "invalid-request":
                    raise
                self._session.output.note("; ".join((error.message, *error.details)))
            else:
                step.detail = "set"
                return True

    def _called(self) -> str:
        called = self._guide.secret
        return called[0].upper() + called[1:]

    def _ask(self, question: str) -> str | None:
        return ask_line(
            self._session.surroundings,
            from_stdin=self._wanted.secret_stdin,
            question=question,
        )


def set_secret(session: Session, into: Onboarded, secret: str) -> None:
    """Let the endpoint's deliveries be signed with this from now on."""
    noun, endpoint_id = into.endpoint
    session.client.put(f"/{noun}s/{endpoint_id}/secret", {"secret": secret})
    into.secret, into.is_secret_new = secret, True


def _has_called(source: Record) -> bool:
    return bool(source.get("verification_code") or source.get("handshake_at"))
