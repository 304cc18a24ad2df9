"""Build the Lambda layers: ``python -m ops.layers [--target local|aws|all]``.

Byte code is compiled here, because ``/opt`` is read-only in Lambda: what is not
compiled at build is compiled on every cold start. It is checked by nothing at
run time (``unchecked-hash``), since CDK gives every zipped file the same date
and a date-checked ``.pyc`` would always be stale.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from uv import find_uv_bin

from stacks.assets import (
    ROOT,
    LayerName,
    LayerTarget,
    fingerprint,
    layer_path,
    source_fingerprint,
    stamp_path,
)
from tillgate import __version__

AWS_PYTHON = "3.13"
# Amazon Linux 2023, on which python3.13 runs, has glibc 2.34.
AWS_PLATFORM = "aarch64-manylinux_2_28"
# Nothing imports these, and they weigh: test suites, type stubs, C sources, scripts.
PRUNED_FOLDERS = {"tests", "test", "__pycache__", "bin"}
PRUNED_SUFFIXES = {".pyi", ".pyx", ".pxd", ".c", ".h"}
# Of a distribution's record only this is read at run time, or owed to its authors.
# WHEEL says which of a version's files it was, for the bill of materials.
KEPT_RECORDS = {"METADATA", "WHEEL", "entry_points.txt"}
SBOM = ROOT / "build" / "sbom" / "tillgate.cdx.json"


class BuildError(RuntimeError):
    """A layer could not be built as asked."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a built layer follows from; equal stamps mean equal layers."""

    source: str
    builder: str
    python: str
    platform: str
    bytecode: bool


def host_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def target_python(target: LayerTarget) -> str:
    return host_python() if target is LayerTarget.LOCAL else AWS_PYTHON


def interpreter_of(version: str) -> str | None:
    """Find an interpreter of this minor version that runs, or None.

    A version manager's shim may be on the PATH and yet refuse; PYENV_VERSION
    tells pyenv's which one is meant, and is ignored by everything else.
    """
    if version == host_python():
        return sys.executable
    candidate = shutil.which(f"python{version}")
    if candidate is None:
        return None
    probe = "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2])"
    answer = subprocess.run(
        [candidate, "-c", probe],
        env={**os.environ, "PYENV_VERSION": version},
        capture_output=True,
        text=True,
        check=False,
    )
    executable, _, found = answer.stdout.strip().rpartition(" ")
    return executable if answer.returncode == 0 and found == version else None


def install_vendor(folder: Path, target: LayerTarget) -> None:
    """Unpack the locked wheels for the target; nothing is built from source."""
    command = [
        find_uv_bin(), "pip", "install", "--quiet", "--require-hashes", "--no-deps",
        "--only-binary", ":all:", "--target", str(folder),
        "--python-version", target_python(target), "--python", sys.executable,
        "-r", str(ROOT / "requirements" / "vendor.txt"),
    ]  # fmt: skip
    if target is LayerTarget.AWS:
        command += ["--python-platform", AWS_PLATFORM]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"uv could not install the vendor layer:\n{done.stderr.strip()}")
    prune(folder)


def prune(folder: Path) -> None:
    """Remove what no function reads; keep licences, versions and entry points."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in PRUNED_FOLDERS:
                shutil.rmtree(path)
        elif path.suffix in PRUNED_SUFFIXES or path.name == ".lock":
            path.unlink()
    for record in folder.glob("*.dist-info/*"):
        if record.is_file() and record.name not in KEPT_RECORDS and "LICEN" not in record.name:
            record.unlink()


def copy_tillgate(folder: Path) -> None:
    source = ROOT / "layers" / "tillgate" / "python" / "tillgate"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(source, folder / "tillgate", ignore=ignored)


def compile_bytecode(folder: Path, interpreter: str) -> None:
    """Compile in place; recorded paths are those the files have in Lambda."""
    command = [
        interpreter, "-m", "compileall", "-q", "-f",
        "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", "/opt/python",
        str(folder),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"{interpreter} could not compile a layer:\n{done.stdout.strip()}")


def build(name: LayerName, target: LayerTarget, *, interpreter: str | None) -> bool:
    """Build one layer unless it is there already; say whether it was built."""
    wanted = Stamp(
        source=source_fingerprint(name),
        builder=fingerprint([Path(__file__).resolve()]),
        python=target_python(target),
        platform=AWS_PLATFORM if target is LayerTarget.AWS else "host",
        bytecode=interpreter is not None,
    )
    destination, stamp = layer_path(name, target), stamp_path(name, target)
    if destination.is_dir() and stamp.is_file() and json.loads(stamp.read_text()) == asdict(wanted):
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent) as scratch:
        python = Path(scratch) / "layer" / "python"
        python.mkdir(parents=True)
        if name is LayerName.VENDOR:
            install_vendor(python, target)
        else:
            copy_tillgate(python)
        if interpreter is not None:
            compile_bytecode(python, interpreter)
        # The stamp goes first and comes last: a build that is cut short leaves none.
        stamp.unlink(missing_ok=True)
        shutil.rmtree(destination, ignore_errors=True)
        python.parent.rename(destination)
    stamp.write_text(json.dumps(asdict(wanted), indent=1, sort_keys=True) + "\n")
    return True


def write_sbom() -> bool:
    """Say what is in the vendor layer for AWS, unless that is said; say whether it was written."""
    stamp = SBOM.with_name("stamp")
    layer = layer_path(LayerName.VENDOR, LayerTarget.AWS)
    package = ROOT / "layers" / "tillgate" / "python" / "tillgate" / "__init__.py"
    supply = sorted((ROOT / "ops" / "supply").glob("*.py"))
    wanted = fingerprint([stamp_path(LayerName.VENDOR, LayerTarget.AWS), package, *supply])
    if SBOM.is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return False
    # Its libraries take a second to load, which a build that changes nothing need not wait for.
    from ops.supply.sbom import SbomError, bill_of_materials  # noqa: PLC0415  for that reason

    try:
        written = bill_of_materials(
            layer / "python",
            lock=ROOT / "requirements" / "vendor.txt",
            version=__version__,
            python=AWS_PYTHON,
            platform=AWS_PLATFORM,
        )
    except SbomError as error:
        raise BuildError(f"the bill of materials: {error}") from error
    SBOM.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    SBOM.write_text(written)
    stamp.write_text(wanted)
    return True


def build_all(targets: list[LayerTarget], *, require_bytecode: bool) -> None:
    """Build every layer for the targets. Raises BuildError when one cannot be had."""
    for target in targets:
        interpreter = interpreter_of(target_python(target))
        if interpreter is None:
            lack = f"python{target_python(target)} is not on this machine"
            if require_bytecode:
                raise BuildError(f"{lack}: the {target} layers cannot be compiled to byte code")
            print(f"{lack}: the {target} layers are left uncompiled")
        for name in LayerName:
            built = build(name, target, interpreter=interpreter)
            print(f"{name}-{target}: {'built' if built else 'unchanged'}")
    if LayerTarget.AWS in targets:
        written = write_sbom()
        print(f"{SBOM.relative_to(ROOT)}: {'written' if written else 'unchanged'}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the Lambda layers.")
    parser.add_argument("--target", choices=[*LayerTarget, "all"], default="all")
    parser.add_argument("--require-bytecode", action="store_true")
    options = parser.parse_args()
    targets = list(LayerTarget) if options.target == "all" else [LayerTarget(options.target)]
    try:
        build_all(targets, require_bytecode=options.require_bytecode)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
