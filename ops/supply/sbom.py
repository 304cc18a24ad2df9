"""Say what is in the layer of third-party wheels, as a CycloneDX bill of materials.

It follows from the lock and the built layer alone: no time, no machine, so that whoever builds a
commit again gets the same bytes. https://cyclonedx.org/docs/1.6/json/
"""

# The library's classes are decorated in a way that hides them from pyright; mypy sees them.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from typing import TYPE_CHECKING, TypedDict
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.pylock import Pylock
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from uv import find_uv_bin

from ops.supply.licences import declared
from ops.supply.locks import Package, Pin, parse_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from packaging.tags import Tag

OUR_LICENCE = "Apache-2.0"
# Where a wheel says what is compiled into it: https://peps.python.org/pep-0770/
WITHIN = "sboms"


class SbomError(RuntimeError):
    """It cannot be said what is in the layer."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file that PyPI has for one of our pins."""

    package: Package
    filename: str
    sha256: str

    @property
    def tags(self) -> frozenset[Tag]:
        return parse_wheel_filename(self.filename)[3]


def candidates(lock: Path, *, python: str, platform: str) -> list[Wheel]:
    """Have uv list the wheels of a lock that fit a platform, of which it installs the best."""
    command = [
        find_uv_bin(), "pip", "compile", "--quiet", "--no-deps", "--only-binary", ":all:",
        "--generate-hashes", "--python-version", python, "--python-platform", platform,
        "--python", sys.executable, "--format", "pylock.toml", "--no-header", str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SbomError(f"uv could not list the wheels:\n{done.stderr.strip()}")
    listed = Pylock.from_dict(tomllib.loads(done.stdout))
    return [
        Wheel(Package(entry.name, str(entry.version)), wheel.filename, wheel.hashes["sha256"])
        for entry in listed.packages
        for wheel in entry.wheels or ()
    ]


def wheel_of(found: PathDistribution, wheels: Iterable[Wheel], pins: Iterable[Pin]) -> Wheel:
    """Find the file that a distribution was unpacked from, by the tags that it was built for.

    Raises SbomError when there is none, more than one, or one that the lock does not know.
    """
    package = Package(canonicalize_name(found.name), found.version)
    lines = (found.read_text("WHEEL") or "").splitlines()
    stated = [line.removeprefix("Tag:").strip() for line in lines if line.startswith("Tag:")]
    tags = frozenset(tag for line in stated for tag in parse_tag(line))
    matching = [each for each in wheels if each.package == package and each.tags == tags]
    locked = {digest for pin in pins if pin.package == package for digest in pin.hashes}
    if len(matching) != 1 or matching[0].sha256 not in locked:
        raise SbomError(f"{package}: {len(matching)} wheels of the lock are as what is installed")
    return matching[0]


def component(found: PathDistribution, wheel: Wheel, record: Path) -> Component:
    """Describe an installed wheel and what is compiled into it."""
    licence = declared(found.metadata)
    purl = PackageURL(
        "pypi", None, wheel.package.name, wheel.package.version, {"file_name": wheel.filename}
    )
    return Component(
        name=wheel.package.name,
        version=wheel.package.version,
        purl=purl,
        bom_ref=str(purl),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
        licenses=[LicenseExpression(licence)] if licence else [],
        components=compiled_in(record, wheel, within=str(purl)),
    )


def compiled_in(record: Path, wheel: Wheel, *, within: str) -> list[Component]:
    """Read what a wheel's builder says of crates and shared libraries in it, each once."""
    found = {}
    for page in sorted((record / WITHIN).glob("*.json")):
        for part in parts_of(page):
            if part.purl is not None and canonicalize_name(part.name) == wheel.package.name:
                continue
            ref = f"{within}#{part.purl or f'{part.name}@{part.version}'}"
            found[ref] = Component(
                name=part.name,
                version=part.version,
                type=part.type,
                purl=part.purl,
                bom_ref=ref,
                licenses=part.licenses,
            )
    return list(found.values())


class Said(TypedDict, total=False):
    """A component in a bill of materials that somebody else wrote."""

    components: list[Said]


def parts_of(page: Path) -> Iterator[Component]:
    """Give each component of a wheel's own bill of materials. Raises SbomError for what is none."""
    try:
        said = {"components": list(told(json.loads(page.read_text())["components"]))}
        bom: Bom = Bom.from_json(data=said)  # type: ignore[attr-defined]  # given by a decorator
    except (ValueError, KeyError, TypeError) as error:
        raise SbomError(f"{page.parent.parent.name}/{WITHIN}/{page.name}: {error}") from error
    yield from bom.components


def told(parts: list[Said]) -> Iterator[dict[str, object]]:
    """Keep of each part, and of the parts in it, what we pass on.

    The rest is said in several ways, of which the library calls some deprecated.
    """
    kept = {"type", "name", "version", "purl", "licenses"}
    for part in parts:
        yield {key: value for key, value in part.items() if key in kept}
        yield from told(part.get("components", []))


def bill_of_materials(folder: Path, *, lock: Path, version: str, python: str, platform: str) -> str:
    """Describe what a layer's folder holds, as validated JSON.

    Raises SbomError when the folder and the lock do not say the same.
    """
    locked = lock.read_text()
    wheels = candidates(lock, python=python, platform=platform)
    parts = described(folder, wheels, parse_lock(locked))
    digest = hashlib.sha256(locked.encode()).hexdigest()
    return as_json(parts, version=version, lock=digest)


def described(folder: Path, wheels: list[Wheel], pins: list[Pin]) -> list[Component]:
    """Describe every distribution in a folder. Raises SbomError when one of the lock's is not."""
    lacking = {wheel.package for wheel in wheels}
    parts = []
    for record in sorted(folder.glob("*.dist-info")):
        found = PathDistribution(record)
        wheel = wheel_of(found, wheels, pins)
        lacking.discard(wheel.package)
        parts.append(component(found, wheel, record))
    if lacking:
        raise SbomError(f"not in the layer: {', '.join(map(str, sorted(lacking)))}")
    return parts


def as_json(parts: list[Component], *, version: str, lock: str) -> str:
    """Write the bill: our version, which stands on these parts of that lock (its SHA-256)."""
    purl = PackageURL("generic", None, "tillgate", version)
    ours = Component(
        name="tillgate",
        version=version,
        type=ComponentType.APPLICATION,
        purl=purl,
        bom_ref=str(purl),
        licenses=[LicenseExpression(OUR_LICENCE)],
        properties=[Property(name="tillgate:lock:sha256", value=lock)],
    )
    bom = Bom(
        components=parts,
        metadata=BomMetaData(component=ours),
        serial_number=uuid5(NAMESPACE_URL, f"{purl}#{lock}"),
    )
    bom.metadata.tools.components.add(this_component())
    bom.metadata.timestamp = None  # type: ignore[assignment]  # left out, as the schema allows
    bom.register_dependency(ours, parts)
    written = JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(written)
    if wrong is not None:
        raise SbomError(f"the bill of materials is no CycloneDX: {wrong}")
    return written
