"""``tillgate onboard``: a merchant from nothing to events that arrive, in one command."""

import json
from typing import Annotated

import typer

from ops.cli.checklist import Checklist
from ops.cli.endpoints import NotificationUrlOption, SecretStdinOption
from ops.cli.errors import CliError, UsageError
from ops.cli.exact_json import printable
from ops.cli.onboarding import Foundation, Onboarded, Wanted, asked_for
from ops.cli.onboarding_secret import VendorsPart
from ops.cli.onboarding_trial import Trial
from ops.cli.redrives import INTERRUPTED
from ops.cli.session import Session, connected
from ops.cli.vendor_secret import ask_line
from ops.simulators import SIMULATORS

# What the machine may take of the minutes that an onboarding takes.
TARGET_SECONDS = 60.0
GOES_ON = "Repeating the command goes on from here: what is there is kept, and made once."


@connected
def onboard(  # noqa: PLR0913  They are the command's options.
    session: Session,
    tenant: Annotated[
        str | None, typer.Argument(metavar="TENANT", help="Its slug; made if there is none.")
    ] = None,
    provider: Annotated[
        str | None, typer.Argument(metavar="PROVIDER", help="square, shopify, standard, ...")
    ] = None,
    *,
    name: Annotated[str | None, typer.Option(help="Of a new tenant, for people.")] = None,
    merchant_id: Annotated[
        str | None, typer.Option(help="The merchant's id at the vendor; needed with --app.")
    ] = None,
    app_id: Annotated[
        str | None, typer.Option("--app", metavar="APP_ID", help="App to bind it to.")
    ] = None,
    notification_url: NotificationUrlOption = None,
    destination: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Of Supabase, where its events are delivered to."),
    ] = None,
    destination_key_stdin: Annotated[
        bool,
        typer.Option(
            "--destination-key-stdin",
            help="Read the destination's key from stdin: the first line, before any other secret.",
        ),
    ] = False,
    secret_stdin: SecretStdinOption = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="For a vendor's handshake, at most.")
    ] = 900.0,
    no_test_delivery: Annotated[
        bool, typer.Option("--no-test-delivery", help="Send nothing to try the way.")
    ] = False,
) -> None:
    """Take on a merchant: tenant, destination, source, secret, and a delivery that tries it all.

    Asks for what is not given. What is there is kept, so it may be repeated at any time.
    """
    interactive = session.surroundings.is_interactive()
    if interactive:
        tenant = tenant or asked_for("Tenant (its slug; made if there is none)")
        provider = provider or asked_for(f"POS ({', '.join(SIMULATORS)})")
    if not tenant or not provider:
        raise UsageError(
            "It is not said whom to onboard.", next_step="tillgate onboard TENANT PROVIDER"
        )
    key = None
    if destination_key_stdin and not interactive:
        key = ask_line(session.surroundings, from_stdin=True, question="")
    wanted = Wanted(
        tenant=tenant,
        provider=provider,
        name=name,
        merchant_id=merchant_id,
        app_id=app_id,
        notification_url=notification_url,
        destination=destination,
        destination_key=key,
        secret_stdin=secret_stdin,
        wait_seconds=wait,
        is_tried=not no_test_delivery,
    )
    _refuse_what_cannot_be(wanted)
    _run(session, wanted)


def _refuse_what_cannot_be(wanted: Wanted) -> None:
    """Raises UsageError before anything is made: a tenant is not taken away again."""
    simulator = SIMULATORS.get(wanted.provider)
    if simulator is None:
        raise UsageError("There is no such provider.", next_step=f"one of: {', '.join(SIMULATORS)}")
    if wanted.app_id is None:
        return
    if not wanted.merchant_id or wanted.notification_url:
        raise UsageError(
            "A source of an app has a --merchant-id, and the app's URL, not its own.",
            next_step="tillgate onboard TENANT PROVIDER --app APP_ID --merchant-id ID",
        )
    if not simulator.signs_merchant:
        raise UsageError(
            f"{wanted.provider} does not sign its merchant's name, so an app's URL cannot tell"
            " whose an event is.",
            next_step="leave --app out: the source then has a URL of its own",
        )


def _run(session: Session, wanted: Wanted) -> None:
    """Take the steps, and say at the end how far it has come."""
    show = session.output.note if session.output.is_json else _to_stdout
    checklist = Checklist(clock=session.surroundings.clock, show=show)
    done = Onboarded()
    trial = Trial(session, wanted, checklist)
    error = None
    try:
        Foundation(session, wanted, checklist).lay(done)
        VendorsPart(session, wanted, checklist).settle(done)
        trial.run(done)
    except CliError as caught:
        error = caught
        raise _with(caught, GOES_ON) from caught
    except (KeyboardInterrupt, typer.Abort):
        error = CliError("Interrupted.")
        session.output.note_lines(f"\nInterrupted. {GOES_ON}")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        _conclude(session, checklist, done, trial, error)


def _with(error: CliError, detail: str) -> CliError:
    error.details = (*error.details, detail)
    return error


def _conclude(
    session: Session, checklist: Checklist, done: Onboarded, trial: Trial, error: CliError | None
) -> None:
    if session.output.is_json:
        session.output.show_text(json.dumps(_document(checklist, done, trial, error)))
        return
    if error is None:
        seconds, waited = checklist.machine_seconds, checklist.waited_seconds
        within = "within" if seconds < TARGET_SECONDS else "NOT within"
        _to_stdout(
            f"The machine's part took {seconds:.2f} s, {within} {TARGET_SECONDS:.0f} s;"
            f" people were waited for {waited:.0f} s."
        )
    if done.source:
        _to_stdout(f"NOTIFICATION URL  {done.source.get('notification_url')}")
    if done.is_secret_made:
        _to_stdout(f"SECRET            {done.secret}")
        session.output.note(
            "Set the secret there, too: Tillgate made it, and does not show it again. If the vendor"
            f" gives you one of its own instead: tillgate {done.endpoint[0]} secret"
            f" {done.endpoint[1]}"
        )


def _document(
    checklist: Checklist, done: Onboarded, trial: Trial, error: CliError | None
) -> dict[str, object]:
    """Give all of it for a machine. The secret is in it only if Tillgate made it."""
    return {
        "ok": error is None,
        "error": error.message if error else None,
        "tenant": done.tenant or None,
        "destination": done.destination,
        "source": {k: v for k, v in done.source.items() if k != "secret"} or None,
        "secret": done.secret if done.is_secret_made else None,
        "test_delivery": trial.told,
        "steps": [
            {
                "name": step.name,
                "outcome": step.outcome,
                "detail": step.detail,
                "machine_seconds": round(step.machine_seconds, 3),
                "waited_seconds": round(step.waited_seconds, 3),
            }
            for step in checklist.steps
        ],
        "machine_seconds": round(checklist.machine_seconds, 3),
        "target_seconds": TARGET_SECONDS,
        "within_target": checklist.machine_seconds < TARGET_SECONDS,
    }


def _to_stdout(line: str) -> None:
    typer.echo(printable(line))
