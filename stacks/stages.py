"""What differs between stages, as data. No construct ever asks for a stage's name."""

from __future__ import annotations

import math
import platform
import sys
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypedDict

from aws_cdk import RemovalPolicy
from aws_cdk.aws_lambda import Architecture, Runtime, RuntimeFamily
from aws_cdk.aws_logs import RetentionDays

from stacks import timing
from stacks.assets import LayerTarget
from stacks.concurrency import REDRIVE_CONCURRENCY, ConcurrencyError, aurora_connections, check
from stacks.context import StageError, chosen_email, chosen_switch, chosen_url, whole_number
from stacks.log_sink import LogSinkError, log_sink
from tillgate import __version__
from tillgate.settings.function import EVENT_RETENTION_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class DatabaseKind(StrEnum):
    """Where Postgres comes from."""

    AURORA = "aurora"  # Aurora Serverless v2, in a VPC of ours
    EXTERNAL = "external"  # any Postgres that the operator has; its URL is in a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """``external_url_name`` holds the owner's URL where the kind is external."""

    kind: DatabaseKind
    external_url_name: str
    min_acu: float = 0.5
    max_acu: float = 4
    backup_days: int = 7
    readers: int = 0
    migrate_timeout_seconds: int = 300
    deletion_protection: bool = True
    # Whether its storage is encrypted with the stage's own key: only for a cluster that is not
    # there yet, since another key is another cluster, and an empty one.
    customer_key: bool = False
    removal_policy: RemovalPolicy = RemovalPolicy.SNAPSHOT
    # Of the database that the stack migrates, when the deployer knows that it
    # may have been replaced behind the stack's back: another value migrates again.
    identity: str = ""


# The functions on whose start a request waits.
REQUESTED = frozenset({"ingest", "api", "health"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionConfig:
    """How every function is run; ``snap_start`` names those that start from a snapshot."""

    runtime: Runtime
    architecture: Architecture
    layer_target: LayerTarget
    memory_mb: int = 1024
    tracing: bool = True
    # A snapshot is paid for as long as its version is kept, and versions are.
    snap_start: frozenset[str] = REQUESTED
    # How many of a function may run at once, by its name; a function that is not named is not
    # bounded. Empty until the operator says what the account has: stacks/concurrency.py.
    reserved: Mapping[str, int] = field(default_factory=dict)
    log_retention: RetentionDays = RetentionDays.ONE_MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """The limits that functions are told; ``tillgate.settings`` says what makes sense."""

    connection_timeout_ms: int = 800
    request_timeout_ms: int = 5_000
    max_requests_per_socket: int = 1_000
    max_body_bytes: int = 1024 * 1024
    # Of tenants that have none of their own. The rate is a twentieth of what prod's database takes
    # (docs/scale.md), the burst a batch of 500 twice over.
    event_retention_days: int = EVENT_RETENTION_DAYS
    tenant_events_per_second: int = 100
    tenant_burst: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainConfig:
    """A name of the operator's, with its certificate in the same region."""

    name: str
    certificate_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """The gateway: requests per second and burst, over all tenants together."""

    throttle_rate: int
    throttle_burst: int
    access_log_retention: RetentionDays = RetentionDays.ONE_MONTH
    domain: DomainConfig | None = None
    tags: dict[str, str] = field(default_factory=dict)


class CommonSettings(TypedDict):
    """The fields of ``tillgate.settings.function.FunctionSettings``."""

    stage: str
    version: str
    connection_timeout_ms: int
    request_timeout_ms: int
    max_requests_per_socket: int
    per_tenant_metrics: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """One deployment of Tillgate."""

    name: str
    database: DatabaseConfig
    function: FunctionConfig
    http: HttpConfig
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    # How many batches of the accept queue are stored at once: 2 is the least that AWS
    # takes, 5 the most that we let loose on a database which has only just recovered.
    accept_concurrency: int = 2
    # How many batches of deliveries are under way at once; each may hold a connection to the
    # database, and each is a request at some tenant's destination. With two, a few destinations
    # that do not answer would hold up everybody's.
    deliver_concurrency: int = 10
    # What is reserved for senders and for readers, where the account has it.
    ingest_concurrency: int = 50
    api_concurrency: int = 20
    # Whether CloudWatch gets metrics of each tenant, for the tenants' dashboard: seven at $0.30,
    # so $2.10 a month for each tenant that sends. ``python -m ops.metric_cost`` reckons it.
    per_tenant_metrics: bool = False
    # Whether a tenant's destination may be plain http, at an address that is not public.
    allow_private_destinations: bool = False
    # A Kinesis stream, Firehose stream or Lambda function that is sent every log line as well.
    log_sink_arn: str | None = None
    # Where people read runbooks/; without one, dashboards name the path in the repository.
    runbook_base_url: str | None = None
    # Whether the stage has alarms, dashboards and saved queries. The emulator knows neither
    # composite alarms nor metric math nor queries, and refuses a template with any.
    has_alarms: bool = True
    # Whether Secrets Manager rotates the key ring and the platform's own tokens by a schedule. The
    # emulator refuses a template with one, and calls no function: there, steps are called by hand.
    rotates_secrets: bool = True
    # Who is sent every alarm, besides whoever subscribes to the topics.
    alarm_email: str | None = None
    # Whether what is kept is encrypted with a key of the account's own, which it can take back and
    # whose uses CloudTrail shows, and not with those that AWS keeps for each service.
    customer_key: bool = False
    # Of the secrets that the deployment makes for itself, and of what waits to be stored.
    removal_policy: RemovalPolicy = RemovalPolicy.DESTROY
    termination_protection: bool = False

    def common_settings(self) -> CommonSettings:
        """Give what every function is told, to be completed with what only one is."""
        return {
            "stage": self.name,
            "version": __version__,
            "connection_timeout_ms": self.limits.connection_timeout_ms,
            "request_timeout_ms": self.limits.request_timeout_ms,
            "max_requests_per_socket": self.limits.max_requests_per_socket,
            "per_tenant_metrics": int(self.per_tenant_metrics),
        }

    @property
    def concurrency(self) -> dict[str, int]:
        """Give what is reserved, where anything is."""
        return {
            "ingest": self.ingest_concurrency,
            "api": self.api_concurrency,
            # No more messages are in hand at once.
            "accept": self.accept_concurrency,
            "deliver": self.deliver_concurrency + REDRIVE_CONCURRENCY,
            # So that a slow minute's run does not meet the next one's, which would do no harm.
            "sweep": 1,
        }

    @property
    def accept_timeout_seconds(self) -> int:
        return timing.ACCEPT_BATCH_SECONDS + self._deadline_seconds + timing.ACCEPT_MARGIN_SECONDS

    @property
    def deliver_timeout_seconds(self) -> int:
        return timing.DELIVER_BATCH_SECONDS + self._deadline_seconds + timing.DELIVER_MARGIN_SECONDS

    @property
    def sweep_timeout_seconds(self) -> int:
        last_step = max(timing.SWEEP_STEP_SECONDS, self._deadline_seconds)
        return timing.SWEEP_SECONDS + last_step + timing.SWEEP_MARGIN_SECONDS

    @property
    def _deadline_seconds(self) -> int:
        return math.ceil(self.limits.request_timeout_ms / 1000)


def _aws_function(*, log_retention: RetentionDays) -> FunctionConfig:
    return FunctionConfig(
        runtime=Runtime.PYTHON_3_13,
        architecture=Architecture.ARM_64,
        layer_target=LayerTarget.AWS,
        log_retention=log_retention,
    )


def _local() -> StageConfig:
    """Leave out what the emulator lacks, and run on the machine's own interpreter."""
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    host = Runtime(f"python3.{sys.version_info.minor}", RuntimeFamily.PYTHON)
    return StageConfig(
        name="local",
        database=DatabaseConfig(
            kind=DatabaseKind.EXTERNAL,
            external_url_name="tillgate/local/database",
            # A person waits; the database is near, and mostly empty.
            migrate_timeout_seconds=60,
        ),
        function=FunctionConfig(
            runtime=host,
            architecture=Architecture.ARM_64 if arm else Architecture.X86_64,
            layer_target=LayerTarget.LOCAL,
            memory_mb=512,
            tracing=False,
            snap_start=frozenset(),
            log_retention=RetentionDays.ONE_DAY,
        ),
        http=HttpConfig(
            throttle_rate=1_000,
            throttle_burst=2_000,
            access_log_retention=RetentionDays.ONE_DAY,
            # MiniStack takes an API's id from this tag. Registered notification URLs
            # hold the id, and must outlive an emulator that died.
            tags={"ms-custom-id": "7111ca7e"},
        ),
        # Its tenants are made to try things out: no more is refused than the gateway would.
        limits=LimitsConfig(tenant_events_per_second=5_000, tenant_burst=50_000),
        # The stand-in for Supabase listens on this machine's own loopback.
        allow_private_destinations=True,
        has_alarms=False,
        rotates_secrets=False,
    )


def _dev() -> StageConfig:
    return StageConfig(
        name="dev",
        database=DatabaseConfig(
            kind=DatabaseKind.AURORA,
            external_url_name="tillgate/dev/database",
            max_acu=2,
            backup_days=1,
            deletion_protection=False,
        ),
        function=_aws_function(log_retention=RetentionDays.ONE_WEEK),
        http=HttpConfig(
            throttle_rate=100, throttle_burst=200, access_log_retention=RetentionDays.ONE_WEEK
        ),
    )


def _prod() -> StageConfig:
    return StageConfig(
        name="prod",
        database=DatabaseConfig(
            kind=DatabaseKind.AURORA,
            external_url_name="tillgate/prod/database",
            max_acu=16,
            backup_days=35,
            readers=1,
        ),
        function=_aws_function(log_retention=RetentionDays.THREE_MONTHS),
        http=HttpConfig(
            throttle_rate=2_000,
            throttle_burst=4_000,
            access_log_retention=RetentionDays.THREE_MONTHS,
        ),
        accept_concurrency=5,
        deliver_concurrency=20,
        # A sandbox serves ten short calls a second: three times the gateway's rate, for when the
        # database is slow.
        ingest_concurrency=600,
        api_concurrency=100,
        # On-call must see one tenant's trouble where the platform's figures look well: the price of
        # that is known, and -c per_tenant_metrics=off ends it.
        per_tenant_metrics=True,
        customer_key=True,
        # Not what a failed deploy made and rolled back: nothing is sealed with it yet.
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        termination_protection=True,
    )


_STAGES: dict[str, Callable[[], StageConfig]] = {"local": _local, "dev": _dev, "prod": _prod}
DEFAULT_STAGE = "dev"


def choose_stage(context: Callable[[str], str | None]) -> StageConfig:
    """Read the stage and what the operator overrides of it from CDK context.

    ``stage``; ``database`` (aurora or external), ``database_secret`` (its name),
    ``database_identity``; ``domain_name`` with ``certificate_arn``; ``alarm_email``;
    ``log_sink_arn``; ``runbook_base_url``; ``per_tenant_metrics`` and ``database_customer_key``
    (on or off); ``account_concurrency``, of which the stage then reserves some; and the limits
    by their variables' names in lower case. Raises StageError with a sentence when a value
    fits nothing.
    """
    name = context("stage") or DEFAULT_STAGE
    if name not in _STAGES:
        raise StageError(f"There is no stage {name!r}: choose one of {', '.join(_STAGES)}.")
    stage = _STAGES[name]()
    return replace(
        stage,
        database=_chosen_database(stage.database, context),
        function=replace(stage.function, reserved=_chosen_reserved(stage, context)),
        http=replace(stage.http, domain=_chosen_domain(context)),
        limits=_chosen_limits(stage.limits, context),
        alarm_email=chosen_email(context("alarm_email")),
        log_sink_arn=_chosen_log_sink(stage, context("log_sink_arn")),
        runbook_base_url=chosen_url("runbook_base_url", context),
        per_tenant_metrics=chosen_switch(
            "per_tenant_metrics", context, default=stage.per_tenant_metrics
        ),
    )


def _chosen_database(
    config: DatabaseConfig, context: Callable[[str], str | None]
) -> DatabaseConfig:
    kind = context("database") or config.kind
    if kind not in list(DatabaseKind):
        raise StageError(f"There is no database {kind!r}: choose {' or '.join(DatabaseKind)}.")
    return replace(
        config,
        kind=DatabaseKind(kind),
        external_url_name=context("database_secret") or config.external_url_name,
        identity=context("database_identity") or config.identity,
        customer_key=chosen_switch("database_customer_key", context, default=config.customer_key),
    )


def _chosen_reserved(stage: StageConfig, context: Callable[[str], str | None]) -> dict[str, int]:
    text = context("account_concurrency")
    if text is None:
        return {}
    if not stage.has_alarms:
        raise StageError(f"The stage {stage.name!r} has no account to reserve anything in.")
    database = _chosen_database(stage.database, context)
    is_ours = database.kind is DatabaseKind.AURORA
    try:
        check(
            stage.concurrency,
            account_concurrency=whole_number("account_concurrency", text),
            database_connections=(
                aurora_connections(min_acu=database.min_acu, max_acu=database.max_acu)
                if is_ours
                else None
            ),
        )
    except ConcurrencyError as error:
        raise StageError(str(error)) from error
    return stage.concurrency


def _chosen_domain(context: Callable[[str], str | None]) -> DomainConfig | None:
    name, certificate = context("domain_name"), context("certificate_arn")
    if not name and not certificate:
        return None
    if not name or not certificate:
        raise StageError("A domain needs both domain_name and certificate_arn.")
    return DomainConfig(name=name, certificate_arn=certificate)


def _chosen_log_sink(stage: StageConfig, arn: str | None) -> str | None:
    if not arn:
        return None
    if not stage.has_alarms:
        raise StageError(f"The stage {stage.name!r} is not observed, so log_sink_arn has no use.")
    try:
        return log_sink(arn, stage=stage.name).arn
    except LogSinkError as error:
        raise StageError(str(error)) from error


def _chosen_limits(config: LimitsConfig, context: Callable[[str], str | None]) -> LimitsConfig:
    chosen: dict[str, int] = {}
    for name in LimitsConfig.__dataclass_fields__:
        text = context(name)
        if text is not None:
            chosen[name] = whole_number(name.upper(), text)
    return replace(config, **chosen)
