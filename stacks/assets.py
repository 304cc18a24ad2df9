"""Where the built layers lie, and whether they are those of the sources beside them.

``ops.layers`` builds into these folders and leaves a stamp with each; a stack
that finds no stamp, or one of other sources, refuses to synthesise, so that
``cdk deploy`` can never ship yesterday's code.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class LayerTarget(StrEnum):
    """What a layer is built for."""

    LOCAL = "local"  # this machine's interpreter and platform
    AWS = "aws"  # Lambda's python3.13 on arm64


class LayerName(StrEnum):
    """The layers, by what they hold."""

    VENDOR = "vendor"  # third-party wheels
    TILLGATE = "tillgate"  # our package


class LayerMissingError(RuntimeError):
    """A layer was not built, or was built from other sources."""


def layer_path(name: LayerName, target: LayerTarget) -> Path:
    """The folder that becomes the layer; its ``python`` folder lands in ``/opt/python``."""
    return ROOT / "build" / "layers" / f"{name}-{target}"


def stamp_path(name: LayerName, target: LayerTarget) -> Path:
    return layer_path(name, target).with_suffix(".json")


def sources_of(name: LayerName) -> list[Path]:
    """Every file that a layer's content follows from, in a fixed order."""
    if name is LayerName.VENDOR:
        return [ROOT / "requirements" / "vendor.txt"]
    package = ROOT / "layers" / "tillgate" / "python"
    return sorted(
        path
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )


def source_fingerprint(name: LayerName) -> str:
    """SHA-256 over the names and contents of a layer's sources."""
    return fingerprint(sources_of(name))


def fingerprint(paths: list[Path]) -> str:
    """SHA-256 over the names and contents of files below the project's root."""
    digest = hashlib.sha256()
    for path in paths:
        name = path.relative_to(ROOT).as_posix().encode()
        content = path.read_bytes()
        digest.update(b"%d:%s%d:" % (len(name), name, len(content)))
        digest.update(content)
    return digest.hexdigest()


def layer_hash(name: LayerName, target: LayerTarget) -> str:
    """Name the content of a built layer, for CDK's asset hash.

    Raises LayerMissingError when the layer is missing or older than its sources.
    The layer's own files are not read: byte code in them may differ from one
    build to the next although nothing changed.
    """
    stamp = stamp_path(name, target)
    if not stamp.is_file() or not layer_path(name, target).is_dir():
        raise LayerMissingError(f"The layer {name}-{target} is not built: run `make layers`.")
    recorded: dict[str, Any] = json.loads(stamp.read_text())
    if recorded.get("source") != source_fingerprint(name):
        raise LayerMissingError(
            f"The layer {name}-{target} was built from other sources: run `make layers`."
        )
    return hashlib.sha256(json.dumps(recorded, sort_keys=True).encode()).hexdigest()
