"""The bill of materials: every wheel in the layer, as the file that it was, and no other."""

from __future__ import annotations

import json
import shutil
from email.parser import HeaderParser
from typing import TYPE_CHECKING, TypedDict

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ops.layers import SBOM
from ops.supply.locks import LOCKS, Package, Pin, read_lock
from ops.supply.sbom import SbomError, Wheel, as_json, described
from stacks.assets import LayerName, LayerTarget, layer_path
from tillgate import __version__

if TYPE_CHECKING:
    from pathlib import Path

LAYER = layer_path(LayerName.VENDOR, LayerTarget.AWS) / "python"
LOCK = next(lock for lock in LOCKS if lock.ships)


class Part(TypedDict, total=False):
    """A component, as CycloneDX writes it."""

    name: str
    version: str
    purl: str
    hashes: list[dict[str, str]]
    licenses: list[dict[str, str]]
    components: list[Part]


def parts() -> list[Part]:
    listed: list[Part] = json.loads(SBOM.read_text())["components"]
    return listed


def in_layer() -> set[Package]:
    """Read names and versions apart from the code under test: from METADATA's own lines."""
    found = set()
    for page in LAYER.glob("*.dist-info/METADATA"):
        fields = HeaderParser().parsestr(page.read_text())
        found.add(Package(fields["Name"].lower().replace("_", "-"), fields["Version"]))
    return found


def test_it_names_every_wheel_of_the_layer_and_nothing_else() -> None:
    named = [Package(part["name"], part["version"]) for part in parts()]

    assert len(named) == len(set(named))
    assert set(named) == in_layer() == {pin.package for pin in read_lock(LOCK)}


def test_each_wheel_has_one_digest_which_the_lock_allows_and_a_licence() -> None:
    allowed = {pin.package: pin.hashes for pin in read_lock(LOCK)}

    for part in parts():
        (digest,) = part["hashes"]
        assert digest["alg"] == "SHA-256"
        assert digest["content"] in allowed[Package(part["name"], part["version"])]
        assert part["licenses"]


def test_a_wheel_with_compiled_code_is_the_one_for_lambda() -> None:
    (compiled,) = [part["purl"] for part in parts() if part["name"] == "psycopg-binary"]

    assert "-cp313-cp313-" in compiled
    assert compiled.endswith("_aarch64.whl")


def test_what_a_wheel_says_is_compiled_into_it_is_told() -> None:
    within = {part["name"]: part.get("components", []) for part in parts()}

    assert "openssl" in {part["name"] for part in within["cryptography"]}
    assert "jiter" in {part["name"] for part in within["pydantic-core"]}
    assert within["h11"] == []


def test_it_is_cyclonedx_of_this_version_without_a_time() -> None:
    said = json.loads(SBOM.read_text())

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(SBOM.read_text()) is None
    assert said["metadata"]["component"]["version"] == __version__
    assert "timestamp" not in said["metadata"]


def one_wheel(tmp_path: Path, *, tag: str = "py3-none-any") -> Path:
    """Make a layer that holds h11 alone, as built for a tag."""
    record = "h11-0.16.0.dist-info"
    shutil.copytree(LAYER / record, tmp_path / record)
    (tmp_path / record / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    return tmp_path


H11 = Package("h11", "0.16.0")
DIGEST = "d" * 64
H11_WHEEL = Wheel(H11, "h11-0.16.0-py3-none-any.whl", DIGEST)
H11_PIN = Pin(H11, frozenset({DIGEST}))


def test_the_same_layer_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = one_wheel(tmp_path)

    first, second = (
        as_json(described(folder, [H11_WHEEL], [H11_PIN]), version="1.2.3", lock="f" * 64)
        for _ in range(2)
    )

    assert first == second
    assert DIGEST in first


@pytest.mark.parametrize(
    ("wheel", "pin", "tag"),
    [
        (H11_WHEEL, H11_PIN, "cp313-cp313-linux_aarch64"),
        (H11_WHEEL, Pin(H11, frozenset({"e" * 64})), "py3-none-any"),
        (Wheel(Package("h11", "0.15"), H11_WHEEL.filename, DIGEST), H11_PIN, "py3-none-any"),
    ],
    ids=["another file of the version", "a digest that the lock has not", "another version"],
)
def test_a_wheel_that_the_lock_does_not_know_is_refused(
    wheel: Wheel, pin: Pin, tag: str, tmp_path: Path
) -> None:
    with pytest.raises(SbomError, match=r"h11 0\.16\.0"):
        described(one_wheel(tmp_path, tag=tag), [wheel], [pin])


def test_a_wheel_of_the_lock_that_is_not_in_the_layer_is_missed(tmp_path: Path) -> None:
    tenacity = Wheel(Package("tenacity", "9.2.1"), "tenacity-9.2.1-py3-none-any.whl", DIGEST)

    with pytest.raises(SbomError, match=r"not in the layer: tenacity 9\.2\.1"):
        described(one_wheel(tmp_path), [H11_WHEEL, tenacity], [H11_PIN])
