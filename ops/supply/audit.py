"""Ask what is known of everything that is installed: ``python -m ops.supply.audit``.

Ends with 0 when all was answered and nothing fails, 1 when something fails, and 3 when a
question got no answer: what was not checked is never taken for good.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ops.supply.advisories import Answer, read_node, read_python
from ops.supply.licences import canonical, declared
from ops.supply.locks import (
    LOCKS,
    Lock,
    NodePackage,
    Package,
    Pin,
    parse_node_lock,
    read_lock,
    rounds,
)
from ops.supply.policy import (
    Policy,
    PolicyError,
    Verdict,
    judge_advisories,
    judge_licences,
    parse_policy,
)
from stacks.assets import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICY = ROOT / "requirements" / "policy.toml"
NODE_LOCK = ROOT / "package-lock.json"
TIMEOUT_SECONDS = 600
NODE = "package-lock.json"
CLEAN, FAILED, UNCHECKED = 0, 1, 3


def ask_python(pins: list[Pin]) -> Answer:
    """Have pip-audit look packages up, in PyPI's advisories unless its own environment says osv.

    The pins go without their markers: what only another machine installs is looked up, too.
    """
    asked = [pin.package for pin in pins]
    with tempfile.TemporaryDirectory() as folder:
        listed, report = Path(folder) / "pins.txt", Path(folder) / "report.json"
        listed.write_text("".join(f"{pinned(pin)}\n" for pin in pins))
        done = run(
            [
                sys.executable, "-m", "pip_audit", "--requirement", str(listed), "--disable-pip",
                "--require-hashes", "--format", "json", "--output", str(report),
                "--progress-spinner", "off", "--aliases", "on", "--desc", "on",
            ]
        )  # fmt: skip
        if report.is_file():
            return read_python(report.read_text(), asked)
    return Answer(unchecked=(f"{len(asked)} packages: pip-audit: {last_line(done.stderr)}",))


def pinned(pin: Pin) -> str:
    hashes = "".join(f" --hash=sha256:{digest}" for digest in sorted(pin.hashes))
    return f"{pin.package.name}=={pin.package.version}{hashes}"


def ask_node(packages: list[Package]) -> Answer:
    """Have npm look the lock file's packages up in its registry's advisories."""
    return read_node(run(["npm", "audit", "--json", "--package-lock-only"]).stdout, packages)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a tool, whose answer is what it wrote: both end with 1 when they have found something."""
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "it said nothing"


def installed_licences(lock: Lock, pins: list[Pin]) -> tuple[dict[Package, str], Verdict]:
    """Read the licences of a lock's packages from where they are installed.

    What this machine does not install has none to read, which is said; what it should have
    installed and has not is unchecked.
    """
    folders = [str(path) for path in (ROOT / lock.environment).glob("lib/python3*/site-packages")]
    found = {
        Package(canonicalize_name(dist.name), dist.version): declared(dist.metadata)
        for dist in distributions(path=folders)
    }
    wanted = [pin for pin in pins if pin.applies_here]
    missing = [str(pin.package) for pin in wanted if pin.package not in found]
    elsewhere = [str(pin.package) for pin in pins if not pin.applies_here]
    licences = {pin.package: found[pin.package] for pin in wanted if pin.package in found}
    return licences, Verdict(
        unchecked=tuple(f"{name}: not in {lock.environment}: licence not read" for name in missing),
        notes=tuple(
            f"{name} of {lock.name}: not for this machine: licence not read" for name in elsewhere
        ),
    )


def users(pins: Mapping[Lock, list[Pin]]) -> dict[Package, str]:
    """Say for each package which locks have it, and which of those ship."""
    titles: dict[Package, list[str]] = {}
    for lock, listed in pins.items():
        for pin in listed:
            titles.setdefault(pin.package, []).append(lock.title)
    return {package: ", ".join(named) for package, named in titles.items()}


def ask_all(pins: Mapping[Lock, list[Pin]], node: list[NodePackage]) -> Answer:
    """Look up every package of every lock, each once."""
    every = (pin for listed in pins.values() for pin in listed)
    answers = [ask_python(asked) for asked in rounds(every)]
    return sum([*answers, ask_node([entry.package for entry in node])], Answer())


def every_licence(
    pins: Mapping[Lock, list[Pin]], node: list[NodePackage]
) -> tuple[dict[Package, str], Verdict]:
    licences = {entry.package: canonical(entry.licence) for entry in node}
    unread = Verdict()
    for lock, listed in pins.items():
        found, missed = installed_licences(lock, listed)
        licences |= found
        unread += missed
    return licences, unread


def audit(policy: Policy) -> dict[str, Verdict]:
    """Ask everything, and judge it: by heading."""
    pins = {lock: read_lock(lock) for lock in LOCKS}
    node = parse_node_lock(NODE_LOCK.read_text())
    titles = users(pins) | {entry.package: NODE for entry in node}
    shipped = {pin.package for lock, listed in pins.items() if lock.ships for pin in listed}
    print(f"{len(shipped)} packages ship, {len(titles.keys() - shipped)} only develop")
    licences, unread = every_licence(pins, node)
    return {
        "Vulnerabilities": judge_advisories(
            ask_all(pins, node),
            policy.acknowledged,
            today=datetime.now(UTC).date(),
            used_by=titles.__getitem__,
        ),
        "Licences": unread + judge_licences(licences, policy.licences, used_by=titles.__getitem__),
    }


def told(heading: str, verdict: Verdict) -> str:
    """Say a verdict for people."""
    lines = [
        *(f"  {note}" for note in verdict.notes),
        *(f"  NOT CHECKED  {missed}" for missed in verdict.unchecked),
        *(f"  FAILS  {failure}" for failure in verdict.failures),
    ]
    if not verdict.failures and not verdict.unchecked:
        lines.append("  nothing fails")
    return "\n".join([heading, *lines])


def outcome(verdict: Verdict) -> int:
    """Give the exit code: a failure is told before a question without an answer."""
    if verdict.failures:
        return FAILED
    return UNCHECKED if verdict.unchecked else CLEAN


def main() -> int:
    try:
        policy = parse_policy(POLICY.read_text())
    except PolicyError as error:
        print(f"{POLICY.relative_to(ROOT)}: {error}", file=sys.stderr)
        return FAILED
    verdicts = audit(policy)
    for heading, verdict in verdicts.items():
        print(told(heading, verdict))
    return outcome(sum(verdicts.values(), Verdict()))


if __name__ == "__main__":
    sys.exit(main())
