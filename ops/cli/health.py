"""What ``/startupz`` and ``/admin/api/status`` say, in words, each with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from ops.cli.exact_json import NumberText, record_in
from ops.cli.findings import counted, judge, warning, well, wrong
from ops.cli.output import pick, shown
from tillgate import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ops.cli.client import Answer
    from ops.cli.exact_json import JsonValue
    from ops.cli.findings import Finding

# The same line as the alarm's: below it there is a week left to act.
LEAST_DAYS_AHEAD = 7
# The platform counts dead letters no further.
MOST_DEAD_LETTERS = 10_000
KNOWN_CHECKS = {"database", "migrations", "secrets", "queue", "supabase"}


def redeploy(*, is_local: bool) -> str:
    return "make demo" if is_local else "npx cdk deploy --all"


def startup_findings(answer: Answer, *, is_local: bool) -> list[Finding]:
    """Explain each check of ``/startupz``; one that is not known here counts, too."""
    checks = answer.record("checks")
    findings = list(_known_checks(checks, is_local=is_local))
    findings += [
        wrong(name, "It fails, and this command does not know it.", redeploy(is_local=is_local))
        for name in sorted(checks.keys() - KNOWN_CHECKS)
        if record_in(checks[name]).get("ok") is False
    ]
    if answer.status != httpx.codes.OK and all(finding.is_well for finding in findings):
        findings.append(wrong("startup", "/startupz says that it is not ready.", "tillgate doctor"))
    return findings


def _known_checks(checks: dict[str, JsonValue], *, is_local: bool) -> Iterator[Finding]:
    database = record_in(checks.get("database"))
    database_is_up = database.get("ok") is True
    yield judge(
        "database",
        good=database_is_up,
        detail=f"answers in {shown(database.get('latency_ms'))} ms",
        fault="The database does not answer inside its deadline.",
        next_step="make demo (it starts a database that has died)"
        if is_local
        else "check that it runs and that the functions' secret and network reach it",
    )
    # Without a database nobody knows what the schema is.
    if database_is_up:
        yield _migrations_finding(record_in(checks.get("migrations")), is_local=is_local)
    yield judge(
        "secrets",
        good=record_in(checks.get("secrets")).get("ok") is True,
        detail="readable",
        fault="A secret cannot be read, or does not hold what it should.",
        next_step=redeploy(is_local=is_local),
    )
    if "queue" in checks:
        yield judge(
            "queue",
            good=record_in(checks.get("queue")).get("ok") is True,
            detail="reachable",
            fault="The queue does not answer: with the database down, events would be refused.",
            next_step=redeploy(is_local=is_local),
        )
    if "supabase" in checks:
        yield well("supabase", shown(checks["supabase"]))


def status_findings(answer: Answer, *, is_local: bool) -> Iterator[Finding]:
    """Explain what the platform says of itself: the admin API has a database role of its own."""
    database = answer.record("database")
    is_up = database.get("ok") is True
    yield judge(
        "admin api",
        good=is_up,
        detail=f"stage {shown(answer.document.get('stage'))}, database in"
        f" {shown(database.get('latency_ms'))} ms",
        fault="The operator's database role gets no answer.",
        next_step=redeploy(is_local=is_local),
    )
    if is_up:
        yield _partitions_finding(pick(answer.document, "partitions.days_ahead"), is_local=is_local)
    key_ring = answer.record("key_ring")
    current, named = key_ring.get("current"), key_ring.get("kids")
    kids = named if isinstance(named, list) else []
    yield judge(
        "key ring",
        good=current in kids,
        detail=f"{counted(len(kids), 'key')}, current {shown(current)}",
        fault="The key ring cannot be read or has no current key: no secret can be sealed.",
        next_step=redeploy(is_local=is_local),
    )
    if is_up:
        yield from _delivery_findings(answer)
        yield from _secrets_finding(answer)


def _delivery_findings(answer: Answer) -> Iterator[Finding]:
    """Say what waits for a person; a server that does not count it yet is not blamed."""
    dead_letters = answer.document.get("dead_letters")
    if isinstance(dead_letters, NumberText) and int(dead_letters) > 0:
        more = " or more" if int(dead_letters) >= MOST_DEAD_LETTERS else ""
        yield warning(
            "dead letters",
            f"{counted(int(dead_letters), 'delivery was', f'deliveries{more} were')} given up.",
            "tillgate deadletter plan",
        )
    elif dead_letters is not None:
        yield well("dead letters", "none")
    open_breakers = answer.document.get("open_breakers")
    if isinstance(open_breakers, NumberText) and int(open_breakers) > 0:
        yield warning(
            "destinations",
            f"{counted(int(open_breakers), 'breaker is', 'breakers are')} open: what fails is"
            " spared for a while.",
            "tillgate destination show TENANT (of those whose events stay pending)",
        )
    elif open_breakers is not None:
        yield well("destinations", "no breaker is open")


def _secrets_finding(answer: Answer) -> Iterator[Finding]:
    """Say which secrets are to be rotated; a server that does not count them is not blamed."""
    old, kept = (answer.document.get(name) for name in ("old_secrets", "previous_secrets_in_use"))
    if not isinstance(old, NumberText) or not isinstance(kept, NumberText):
        return
    if int(kept) > 0:
        yield warning(
            "rotation",
            f"{counted(int(kept), 'vendor still signs', 'vendors still sign')} with a previous"
            " secret beyond its overlap.",
            "tillgate app list, tillgate source list TENANT (WARNINGS), then see to the vendor",
        )
    elif int(old) > 0:
        yield warning(
            "rotation",
            f"{counted(int(old), 'secret or token is', 'secrets and tokens are')} 90 days old or"
            " more.",
            "tillgate app list, source list TENANT, token list TENANT (WARNINGS), then rotate",
        )
    else:
        yield well("rotation", "no secret or token is 90 days old")


def version_finding(servers: Iterable[str], *, is_local: bool) -> Finding:
    """Compare this command's version with those that the functions name, build marks (+) aside."""
    others = sorted({version for version in servers if version.partition("+")[0] != __version__})
    if not others:
        return well("version", f"{__version__} here and there")
    return wrong(
        "version",
        f"This command is {__version__}, the server {' and '.join(others)}.",
        f"{redeploy(is_local=is_local)}, or check out the version that is deployed",
    )


def _migrations_finding(migrations: dict[str, JsonValue], *, is_local: bool) -> Finding:
    current, expected = migrations.get("current"), migrations.get("expected")
    return judge(
        "migrations",
        good=migrations.get("ok") is True,
        detail=f"at {shown(current)}, as the code expects"
        if current == expected
        else f"at {shown(current)}, and the code, which expects {shown(expected)}, runs on it",
        fault=f"The schema is at {shown(current)}, and the code expects {shown(expected)}.",
        next_step=f"{redeploy(is_local=is_local)} (it migrates)",
    )


def _partitions_finding(days_ahead: JsonValue, *, is_local: bool) -> Finding:
    days = float(days_ahead) if isinstance(days_ahead, NumberText) else 0.0
    return judge(
        "partitions",
        good=days >= LEAST_DAYS_AHEAD,
        detail=f"made {shown(days_ahead)} days ahead",
        fault=f"Partitions are made {shown(days_ahead)} days ahead, and {LEAST_DAYS_AHEAD} is the"
        " least: when they run out, nothing can be stored.",
        next_step=f"look why sweep does not run, then {redeploy(is_local=is_local)}",
    )
