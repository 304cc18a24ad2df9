"""``tillgate NOUN VERB``: the operator's command line, a client of the admin API."""

import inspect
from typing import Annotated

import typer

from ops.cli import (
    apps,
    audit,
    credentials,
    dead_letters,
    destinations,
    doctor,
    erase,
    events,
    health_gate,
    hours,
    keys,
    limits,
    onboard,
    quarantine,
    replay,
    retention,
    rotation,
    simulate,
    slo,
    sources,
    synthetic_events,
    tenants,
    tokens,
)
from ops.cli.session import Run
from ops.cli.shared_options import add_shared_options, take_shared_options
from tillgate import __version__

HELP = """Operate a Tillgate: tenants, their sources and tokens, the events they sent,
and where these are delivered to.

Data goes to stdout, all else to stderr. Exit codes: 0 done, 1 refused or unwell,
2 wrong usage, 3 unreachable. Begin with: tillgate doctor
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    # A traceback with local variables would show tokens.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(tenants.app, name="tenant")
app.add_typer(apps.app, name="app")
app.add_typer(sources.app, name="source")
sources.app.command("credential")(credentials.set_credential)
sources.app.command("quiet-after")(hours.quiet_after)
sources.app.command("quiet")(hours.list_quiet)
tenants.app.command("hours")(hours.tenant_hours)
tenants.app.command("limit")(limits.tenant_limit)
sources.app.command("rotate")(rotation.rotate_source)
sources.app.command("retire-secret")(rotation.retire_source_secret)
apps.app.command("rotate")(rotation.rotate_app)
apps.app.command("retire-secret")(rotation.retire_app_secret)
tenants.app.command("retention")(retention.tenant_retention)
tenants.app.command("erase")(erase.erase_tenant)
app.add_typer(tokens.app, name="token")
tokens.app.command("rotate")(rotation.rotate_token)
app.add_typer(events.app, name="event")
events.app.command("replay")(replay.replay_events)
events.app.command("discard")(synthetic_events.discard_event)
app.add_typer(destinations.app, name="destination")
app.add_typer(dead_letters.app, name="deadletter")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="key")
app.command("onboard")(onboard.onboard)
app.command("doctor")(doctor.examine)
app.command("slo")(slo.show_slo)
app.command("simulate")(simulate.simulate)
app.command("health-gate")(health_gate.wait_until_ready)


def _show_version(value: bool | None) -> None:  # noqa: FBT001  typer calls it by position.
    if value:
        typer.echo(f"tillgate {__version__}")
        raise typer.Exit


def _root(context: typer.Context, **values: object) -> None:
    Run.of(context).options = take_shared_options(values)


VERSION = inspect.Parameter(
    "version",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        bool | None,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ],
)
app.callback()(add_shared_options(_root, [VERSION]))


def run() -> None:
    """Be the console script ``tillgate``."""
    app(prog_name="tillgate")
