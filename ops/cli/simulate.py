"""``tillgate simulate``: be a POS vendor for a while, and hold Tillgate to its promises."""

import random
import uuid
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import Annotated

import typer

from ops.cli.confirmation import YesOption, confirm
from ops.cli.endpoints import SecretStdinOption
from ops.cli.errors import CliError, UsageError
from ops.cli.findings import counted
from ops.cli.redrives import INTERRUPTED
from ops.cli.session import Session, connected
from ops.cli.simulated_output import show
from ops.cli.simulated_read_back import ReadBack, Reader
from ops.cli.simulated_recipient import Endpoint, checked, find_endpoint
from ops.simulators import SIMULATORS
from ops.simulators.courier import HttpCourier
from ops.simulators.messages import Kind, Recipient, Traffic
from ops.simulators.rules import rules_of
from ops.simulators.run import MOST_UNANSWERED, Pace, VendorRun
from ops.simulators.simulator import Simulator

FAULTS = [kind for kind in Kind if kind is not Kind.GENUINE]
# Where a vendor publishes no deadline: as long as API Gateway takes at most.
NO_DEADLINE_SECONDS = 30.0
MOST_PER_SECOND = 1_000.0


ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER", help=", ".join(SIMULATORS), show_default=False)
]
RateOption = Annotated[float, typer.Option(help="Messages a second, evenly spaced.")]
DurationOption = Annotated[
    float | None, typer.Option(help="Seconds. Default: 10, or as --events says.")
]
EventsOption = Annotated[
    int | None, typer.Option(min=1, help="How many messages, instead of --duration.")
]
FaultsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=SHARE,...",
        help=f"Shares from 0 to 1 of what goes wrong: {', '.join(FAULTS)}.",
    ),
]
SpeedUpOption = Annotated[
    float, typer.Option(help="A second here is so many of the vendor's, between its attempts.")
]
AtOnceOption = Annotated[
    int, typer.Option(min=1, max=500, help="Requests unanswered at one time, at most.")
]
SourceOption = Annotated[
    str | None, typer.Option(metavar="SOURCE_ID", help="Default: the local stack's first.")
]
AppOption = Annotated[str | None, typer.Option(metavar="APP_ID", help="Instead of --source.")]


@connected
def simulate(  # noqa: PLR0913  They are the command's options.
    session: Session,
    provider: ProviderArgument,
    *,
    rate: RateOption = 5.0,
    duration: DurationOption = None,
    events: EventsOption = None,
    faults: FaultsOption = None,
    speed_up: SpeedUpOption = 60.0,
    at_once: AtOnceOption = 50,
    source: SourceOption = None,
    app: AppOption = None,
    secret_stdin: SecretStdinOption = False,
    yes: YesOption = False,
) -> None:
    """Send signed traffic as a POS vendor does, with its deadline and retries; check each answer.

    The events are real: they are stored, and delivered onward. What a local stack was sent is
    read back afterwards. Exit codes: 0 all was as promised, 1 something was not.
    """
    simulator = SIMULATORS.get(provider)
    if simulator is None:
        raise UsageError("There is no such provider.", next_step=f"one of: {', '.join(SIMULATORS)}")
    pace = _pace(rate, duration, events, speed_up=speed_up, at_once=at_once)
    shares = _shares(faults)
    wanted = checked(provider, source_id=source, app_id=app)
    endpoint = find_endpoint(session, wanted, secret_stdin=secret_stdin)
    _refuse_what_cannot_be(simulator, endpoint, shares)
    if not endpoint.is_local:
        confirm(
            session.surroundings,
            f"Send about {counted(pace.messages, 'event')} to {endpoint.notification_url}?"
            " They are stored as a merchant's own, and delivered onward.",
            yes=yes,
        )
    started = session.surroundings.now()
    run = _run(session, simulator, endpoint, pace, shares)
    read_back = _read_back(session, endpoint, run, provider=provider, since=started)
    show(session.output, run, read_back, endpoint=endpoint, pace=pace)
    if run.was_interrupted:
        raise typer.Exit(INTERRUPTED)
    if run.is_unanswered:
        raise CliError(
            f"The last {MOST_UNANSWERED} requests got no answer, so no more were sent.",
            next_step="tillgate doctor, and a lower --rate",
        )
    if not run.tally.is_as_promised or (read_back is not None and read_back.faults):
        raise CliError("Something was not as promised.", next_step="tillgate doctor")


def _pace(
    rate: float, duration: float | None, events: int | None, *, speed_up: float, at_once: int
) -> Pace:
    if duration is not None and events is not None:
        raise UsageError("How much: --duration or --events, not both.")
    if not 0 < rate <= MOST_PER_SECOND:
        raise UsageError(f"--rate is above 0 and at most {MOST_PER_SECOND:.0f}.")
    if not 0 < (1.0 if duration is None else duration) <= 86_400:  # noqa: PLR2004  A day.
        raise UsageError("--duration is above 0 and at most a day, 86400.")
    if not 1 <= speed_up <= 100_000:  # noqa: PLR2004  A month of retries in half a minute.
        raise UsageError("--speed-up is 1 to 100000.")
    count = events or max(1, round(rate * (10.0 if duration is None else duration)))
    return Pace(messages=count, per_second=rate, at_once=at_once, speed_up=speed_up)


def _shares(text: str | None) -> dict[Kind, float]:
    """Read ``name=share,...``. Raises UsageError, also where they are more than the whole."""
    bad = UsageError(
        "--faults cannot be read: names with a share each, together at most 1.",
        details=(f"Names: {', '.join(FAULTS)}.",),
        next_step="--faults duplicate=0.1,forged=0.05",
    )
    shares: dict[Kind, float] = {}
    for part in (text or "").split(",") if text else []:
        name, _, share = part.strip().partition("=")
        try:
            kind, value = Kind(name), float(share)
        except ValueError:
            raise bad from None
        if kind not in FAULTS or kind in shares or not 0 <= value <= 1:
            raise bad
        shares[kind] = value
    if sum(shares.values()) > 1:
        raise bad
    return shares


def _refuse_what_cannot_be(
    simulator: Simulator, endpoint: Endpoint, shares: Mapping[Kind, float]
) -> None:
    name = simulator.name
    reasons = {
        Kind.CONFLICT: f"{name} tells no more of an event than its key: two are never different"
        if not simulator.tells_amount
        else "",
        Kind.WRONG_MERCHANT: f"{name} names no merchant, or the source is for any"
        if simulator.merchant_example is None or not endpoint.merchants
        else "",
    }
    for kind, reason in reasons.items():
        if reason and kind in shares:
            raise UsageError(f"No {kind} here: {reason}.", next_step=f"leave {kind} out")
    if endpoint.noun == "app" and not simulator.signs_merchant:
        raise UsageError(
            f"{name} does not sign its merchant's name, which therefore chooses no tenant: all"
            " that comes in at this app's URL is set aside.",
            next_step="add --source ID of a source with a URL of its own",
        )
    if endpoint.noun == "app" and not endpoint.merchants:
        raise UsageError(
            "No merchant is bound to this app yet.",
            next_step=f"tillgate source add TENANT {name} --app {endpoint.endpoint_id}"
            " --merchant-id ID",
        )


def _run(
    session: Session,
    simulator: Simulator,
    endpoint: Endpoint,
    pace: Pace,
    shares: Mapping[Kind, float],
) -> VendorRun:
    around, rules = session.surroundings, rules_of(simulator.name)
    example = simulator.merchant_example
    recipient = Recipient(
        simulator=simulator,
        rules=rules,
        secret=endpoint.secret,
        notification_url=endpoint.notification_url,
        # A source that was given no merchant takes any.
        merchants=endpoint.merchants or ((example,) if example is not None else ()),
    )
    dice = random.Random()  # noqa: S311  Nothing secret is made of it.
    courier = HttpCourier(
        endpoint.notification_url,
        answer_seconds=float(rules.answer_seconds or NO_DEADLINE_SECONDS),
        at_once=pace.at_once,
        is_local=endpoint.is_local,
        pause=around.pause,
        transport=around.transport,
    )
    with closing(courier):
        run = VendorRun(
            Traffic(recipient, shares=shares, run_id=uuid.uuid4().hex[:8], dice=dice),
            pace=pace,
            courier=courier,
            clock=around.clock,
            now=around.now,
            tell=session.output.progress,
        )
        run.run()
    return run


def _read_back(
    session: Session, endpoint: Endpoint, run: VendorRun, *, provider: str, since: datetime
) -> ReadBack | None:
    """Look for what was acknowledged, where the tenants' tokens are known."""
    if not endpoint.tokens or run.was_interrupted:
        return None
    reader = Reader(
        session.connection.url,
        tokens=endpoint.tokens,
        provider=provider,
        around=session.surroundings,
    )
    with closing(reader):
        try:
            return reader.read_back(run.acknowledged, never=run.never, since=since)
        except KeyboardInterrupt:
            run.was_interrupted = True
            return None
