"""The lock files, read: which package is pinned where, and whether it ships."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stacks.assets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")


class LockError(ValueError):
    """A line of a lock file is no pin with hashes."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file, the environment it is installed in, and whether it is deployed."""

    name: str
    environment: str
    ships: bool = False

    @property
    def path(self) -> Path:
        return ROOT / "requirements" / f"{self.name}.txt"

    @property
    def title(self) -> str:
        return f"{self.name} (ships)" if self.ships else self.name


# Everything that `make` ever installs from PyPI. Only the vendor layer is deployed.
LOCKS = (
    Lock("vendor", ".venv", ships=True),
    Lock("bootstrap", ".venv"),
    Lock("dev", ".venv"),
    Lock("ministack", ".local/ministack-venv"),
    Lock("bench", ".local/bench-venv"),
)


class Ecosystem(StrEnum):
    """Where a package comes from: both have packages of the same name."""

    PYPI = "PyPI"
    NPM = "npm"


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One version of one package; PyPI's names as PyPI normalises them."""

    name: str
    version: str
    ecosystem: Ecosystem = Ecosystem.PYPI

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Pin:
    """A package as a lock file names it."""

    package: Package
    hashes: frozenset[str]
    marker: str = ""

    @property
    def applies_here(self) -> bool:
        """Whether this machine's Python installs it."""
        return not self.marker or Marker(self.marker).evaluate()


def parse_lock(text: str) -> list[Pin]:
    """Read what `make lock` wrote. Raises LockError at a line without a version or a hash."""
    pins = []
    for line in text.replace("\\\n", " ").splitlines():
        stated = line.strip()
        if not stated or stated.startswith("#"):
            continue
        requirement = Requirement(stated.partition(" --hash=")[0])
        exact = [spec.version for spec in requirement.specifier if spec.operator == "=="]
        hashes = frozenset(HASH.findall(stated))
        if len(exact) != 1 or not hashes:
            raise LockError(f"no pin with a hash: {stated[:80]}")
        package = Package(canonicalize_name(requirement.name), exact[0])
        pins.append(Pin(package, hashes, str(requirement.marker or "")))
    return pins


def read_lock(lock: Lock) -> list[Pin]:
    return parse_lock(lock.path.read_text())


@dataclass(frozen=True, slots=True)
class NodePackage:
    """A package of package-lock.json; nothing of Node ships."""

    package: Package
    licence: str


def parse_node_lock(text: str) -> list[NodePackage]:
    """Read package-lock.json (version 3), whose empty path is this project itself."""
    return [
        NodePackage(
            Package(path.rpartition("node_modules/")[2], entry["version"], Ecosystem.NPM),
            entry.get("license", ""),
        )
        for path, entry in json.loads(text)["packages"].items()
        if path
    ]


def rounds(pins: Iterable[Pin]) -> list[list[Pin]]:
    """Share pins out so that no list has two versions of one package, which pip-audit refuses."""
    shared: list[dict[str, Pin]] = []
    for pin in sorted({pin.package: pin for pin in pins}.values(), key=lambda pin: pin.package):
        free = next((listed for listed in shared if pin.package.name not in listed), None)
        if free is None:
            free = {}
            shared.append(free)
        free[pin.package.name] = pin
    return [list(listed.values()) for listed in shared]
