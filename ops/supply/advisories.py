"""What pip-audit and npm answered, read strictly: a question without an answer is told as such."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from packaging.utils import canonicalize_name
from pydantic import BaseModel, Field, ValidationError

from ops.supply.locks import Ecosystem, Package

if TYPE_CHECKING:
    from collections.abc import Collection


class Severity(StrEnum):
    """As npm says it. PyPI says none, and what nobody rated may be anything."""

    INFO = "info"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    CRITICAL = "critical"
    UNRATED = "unrated"

    @property
    def fails(self) -> bool:
        return self in {Severity.HIGH, Severity.CRITICAL, Severity.UNRATED}


@dataclass(frozen=True, slots=True)
class Advisory:
    """A known vulnerability of a package that we have."""

    ids: tuple[str, ...]  # the service's own first, then its aliases
    package: Package
    severity: Severity
    summary: str
    fixed_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service knows, and what it was asked and did not say."""

    advisories: tuple[Advisory, ...] = ()
    unchecked: tuple[str, ...] = ()

    def __add__(self, other: Answer) -> Answer:
        return Answer(self.advisories + other.advisories, self.unchecked + other.unchecked)


class PythonVulnerability(BaseModel):
    """A vulnerability in pip-audit's JSON."""

    id: str
    aliases: list[str]
    fix_versions: list[str]
    description: str


class PythonDependency(BaseModel):
    """A dependency in pip-audit's JSON: looked up, or skipped and why."""

    name: str
    version: str = ""
    skip_reason: str = ""
    vulns: list[PythonVulnerability] = []


class PythonReport(BaseModel):
    """``pip-audit --format json``, of version 2."""

    dependencies: list[PythonDependency]


class NodeCause(BaseModel):
    """An advisory in npm's JSON."""

    url: str
    title: str
    severity: Severity
    range: str


class NodeVulnerability(BaseModel):
    """A package in npm's JSON; a cause that is a name points at the package with the advisory."""

    name: str
    via: list[Annotated[NodeCause | str, Field(union_mode="left_to_right")]]


class NodeCounts(BaseModel):
    """How many packages npm looked up."""

    total: int


class NodeMetadata(BaseModel):
    dependencies: NodeCounts


class NodeReport(BaseModel):
    """``npm audit --json``, report version 2."""

    auditReportVersion: int = Field(ge=2, le=2)  # noqa: N815  npm's own name
    vulnerabilities: dict[str, NodeVulnerability]
    metadata: NodeMetadata


def read_python(text: str, asked: Collection[Package]) -> Answer:
    """Read pip-audit's report on the packages that were asked for.

    pip-audit ends well, and says "No known vulnerabilities found", where PyPI answered 404 to
    every question; it only lists them as skipped. So each package has to be in the report.
    """
    try:
        report = PythonReport.model_validate_json(text)
    except ValidationError as error:
        return Answer(unchecked=(f"pip-audit's report is not as known: {first_of(error)}",))
    advisories: list[Advisory] = []
    answered: set[Package] = set()
    for dependency in report.dependencies:
        if dependency.skip_reason:
            continue
        package = Package(canonicalize_name(dependency.name), dependency.version)
        answered.add(package)
        advisories += [
            Advisory(
                (found.id, *found.aliases),
                package,
                Severity.UNRATED,
                found.description,
                tuple(found.fix_versions),
            )
            for found in dependency.vulns
        ]
    missing = sorted(set(asked) - answered)
    if not missing:
        return Answer(tuple(advisories))
    named = ", ".join(str(package) for package in missing[:3]) + (", ..." if missing[3:] else "")
    return Answer(
        tuple(advisories), (f"{len(missing)} of {len(set(asked))} packages: no answer: {named}",)
    )


def read_node(text: str, asked: Collection[Package]) -> Answer:
    """Read npm's report on the packages of the lock file."""
    try:
        report = NodeReport.model_validate_json(text)
    except ValidationError as error:
        return Answer(
            unchecked=(npm_error(text) or f"npm's report is not as known: {first_of(error)}",)
        )
    versions = {package.name: package for package in asked}
    advisories = tuple(
        Advisory(
            (cause.url.rpartition("/")[2],),
            versions.get(found.name, Package(found.name, "", Ecosystem.NPM)),
            cause.severity,
            f"{cause.title} ({cause.range})",
        )
        for found in report.vulnerabilities.values()
        for cause in found.via
        if isinstance(cause, NodeCause)
    )
    looked_up = report.metadata.dependencies.total
    if looked_up < len(asked):
        return Answer(advisories, (f"npm looked up {looked_up} of {len(asked)} packages",))
    return Answer(advisories)


def npm_error(text: str) -> str:
    """Give npm's own words for why it has no report, or nothing."""
    try:
        said = json.loads(text)
    except ValueError:
        return ""
    message = said.get("message") if isinstance(said, dict) else None
    return f"npm: {message}" if isinstance(message, str) else ""


def first_of(error: ValidationError) -> str:
    """Say the first thing that is wrong, without the text it is wrong in."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
