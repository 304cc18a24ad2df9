"""The built layers: complete, compiled, and enough to run every handler on."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stacks import assets
from stacks.assets import ROOT, LayerMissingError, LayerName, LayerTarget, layer_hash, layer_path

if TYPE_CHECKING:
    from pathlib import Path

HANDLERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
# With no site-packages and no environment: only what Lambda would have.
IMPORT = "import sys; sys.path[:0] = sys.argv[1:]; import handler; print(callable(handler.handler))"

ZONES = """
import sys
sys.path[:0] = sys.argv[1:]
from datetime import datetime
from zoneinfo import TZPATH, ZoneInfo, available_timezones
assert TZPATH == (), TZPATH
summer = datetime(2026, 7, 1, tzinfo=ZoneInfo("America/Indiana/Knox"))
print(len(available_timezones()), summer.utcoffset())
"""


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_imports_on_the_layers_alone(name: str) -> None:
    folders = [
        str(ROOT / "functions" / name),
        *(str(layer_path(layer, LayerTarget.LOCAL) / "python") for layer in LayerName),
    ]
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT, *folders],
        env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == "True\n"


@pytest.mark.parametrize("target", LayerTarget)
def test_every_time_zone_is_in_the_layers(target: LayerTarget) -> None:
    # Where the machine has none, as an image of Lambda's may.
    folder = str(layer_path(LayerName.VENDOR, target) / "python")
    found = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-S", "-B", "-c", ZONES, folder],
        env={"PYTHONTZPATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    zones, offset = found.stdout.split(maxsplit=1)
    assert int(zones) > 400
    assert offset == "-1 day, 19:00:00\n"


@pytest.mark.parametrize("target", LayerTarget)
@pytest.mark.parametrize("name", LayerName)
def test_what_is_compiled_is_compiled_whole(name: LayerName, target: LayerTarget) -> None:
    folder = layer_path(name, target)
    stamp = json.loads(folder.with_suffix(".json").read_text())
    sources = set(folder.rglob("*.py"))
    tag = f"cpython-{stamp['python'].replace('.', '')}"
    compiled = {
        path.parent.parent / f"{path.name.removesuffix(f'.{tag}.pyc')}.py"
        for path in folder.rglob(f"__pycache__/*.{tag}.pyc")
    }
    assert sources
    assert compiled == (sources if stamp["bytecode"] else set())


def test_byte_code_is_never_checked_against_a_date() -> None:
    compiled = layer_path(LayerName.TILLGATE, LayerTarget.LOCAL).rglob("*.pyc")
    # PEP 552: the second word is 1 for a hash that nobody checks.
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}


def test_the_aws_layer_is_for_arm64() -> None:
    folder = layer_path(LayerName.VENDOR, LayerTarget.AWS)
    libraries = [path.name for path in folder.rglob("*.cpython-*.so")]
    assert libraries
    assert all("cpython-313-aarch64" in name for name in libraries)


def test_a_layer_of_other_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "source_fingerprint", lambda _name: "other")
    with pytest.raises(LayerMissingError, match="tillgate-aws was built from other sources: run"):
        layer_hash(LayerName.TILLGATE, LayerTarget.AWS)


def test_a_missing_layer_is_named_with_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    with pytest.raises(LayerMissingError, match="vendor-aws is not built: run `make layers`"):
        layer_hash(LayerName.VENDOR, LayerTarget.AWS)
