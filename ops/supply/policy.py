"""``requirements/policy.toml``, read, and what it says of what was found."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.supply.advisories import first_of
from ops.supply.licences import permitted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ops.supply.advisories import Advisory, Answer
    from ops.supply.locks import Package

# Long enough for a release that mends it, and short enough that somebody looks again.
LONGEST_ACKNOWLEDGEMENT = timedelta(days=90)


class PolicyError(ValueError):
    """The policy file does not say what it has to."""


class Entry(BaseModel):
    """A table of the file: nothing unknown, nothing missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Acknowledgement(Entry):
    """A known vulnerability that is lived with, until a day."""

    id: str  # the service's own or an alias: GHSA-..., CVE-..., PYSEC-...
    package: str
    reason: str = Field(min_length=20)
    expires: date


class LicenceException(Entry):
    """A package that is let in under a licence that others are not."""

    package: str
    licence: str
    reason: str = Field(min_length=20)


class Licences(Entry):
    allowed: list[str] = Field(min_length=1)
    exceptions: list[LicenceException] = []


class Policy(Entry):
    """The whole file."""

    licences: Licences
    acknowledged: list[Acknowledgement] = []


@dataclass(frozen=True, slots=True)
class Verdict:
    """What fails, what could not be asked, and what is said without failing anything."""

    failures: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(
            self.failures + other.failures,
            self.unchecked + other.unchecked,
            self.notes + other.notes,
        )


def parse_policy(text: str) -> Policy:
    """Read the file. Raises PolicyError, saying where."""
    try:
        return Policy.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        said = first_of(error) if isinstance(error, ValidationError) else str(error)
        raise PolicyError(said) from error


def judge_advisories(
    answer: Answer,
    acknowledged: Collection[Acknowledgement],
    *,
    today: date,
    used_by: Callable[[Package], str],
) -> Verdict:
    """Fail what is high or unrated and not acknowledged, and acknowledgements that should go.

    While not everything was answered, no acknowledgement is called unneeded: it may be for
    what was not.
    """
    failures, notes, needed = [], [], set()
    for found in answer.advisories:
        line = described(found, used_by(found.package))
        match = next((known for known in acknowledged if concerns(known, found)), None)
        if match is not None:
            needed.add(match)
            notes.append(f"{line}: acknowledged until {match.expires}: {match.reason}")
        elif found.severity.fails:
            failures.append(line)
        else:
            notes.append(f"{line}: below high")
    failures += [problem for known in acknowledged for problem in overdue(known, today)]
    if not answer.unchecked:
        failures += [
            f"the acknowledgement of {known.id} for {known.package} is not needed: remove it"
            for known in acknowledged
            if known not in needed
        ]
    return Verdict(tuple(failures), answer.unchecked, tuple(notes))


def concerns(known: Acknowledgement, found: Advisory) -> bool:
    return known.id in found.ids and canonicalize_name(known.package) == canonicalize_name(
        found.package.name
    )


def overdue(known: Acknowledgement, today: date) -> list[str]:
    """Say what is wrong with an acknowledgement's day."""
    about = f"the acknowledgement of {known.id} for {known.package}"
    if known.expires < today:
        return [f"{about} expired on {known.expires}"]
    if known.expires > today + LONGEST_ACKNOWLEDGEMENT:
        return [f"{about} is for more than {LONGEST_ACKNOWLEDGEMENT.days} days"]
    return []


def described(found: Advisory, used_by: str) -> str:
    own, *aliases = found.ids
    others = f" ({', '.join(aliases)})" if aliases else ""
    mended = f"; mended in {', '.join(found.fixed_in)}" if found.fixed_in else ""
    summary = " ".join(found.summary.split())[:160]
    return f"{found.severity} {own}{others} {found.package} in {used_by}: {summary}{mended}"


def judge_licences(
    licences: Mapping[Package, str], policy: Licences, *, used_by: Callable[[Package], str]
) -> Verdict:
    """Fail each package whose licence is neither allowed nor excepted, and exceptions that idle.

    Args:
        licences: The SPDX expression that each package declares; empty where it says none.
        policy: What is allowed, and which packages are let in besides.
        used_by: Says which locks a package is in.
    """
    failures, notes, needed = [], [], set()
    for package, licence in sorted(licences.items()):
        if permitted(licence, policy.allowed):
            continue
        excepted = next(
            (
                known
                for known in policy.exceptions
                if known.package == package.name and known.licence == licence
            ),
            None,
        )
        line = f"{package} in {used_by(package)} is under {licence or 'no licence that it names'}"
        if excepted is None:
            failures.append(line)
        else:
            needed.add(excepted)
            notes.append(f"{line}: {excepted.reason}")
    failures += [
        f"the exception for {known.package} ({known.licence}) is not needed: remove it"
        for known in policy.exceptions
        if known not in needed
    ]
    return Verdict(tuple(failures), (), tuple(notes))
