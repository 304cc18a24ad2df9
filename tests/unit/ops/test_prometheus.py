"""Where the tests' Prometheus comes from, on machines that have this or that command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.prometheus import install

if TYPE_CHECKING:
    from pathlib import Path

# As Debian's: without package lists it can locate nothing.
APT = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
  *update) ;;
  *{locates}*download*) : > prometheus_2_amd64.deb ;;
  *) echo "E: Unable to locate package prometheus" >&2; exit 100 ;;
esac
"""
DPKG = """#!/bin/sh
/bin/mkdir -p "$3/usr/bin"
: > "$3/usr/bin/prometheus"
: > "$3/usr/bin/promtool"
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the one folder that is on the PATH; it is empty."""
    made = tmp_path / "commands"
    made.mkdir()
    monkeypatch.setenv("PATH", str(made))
    return made


def add(commands: Path, name: str, text: str = "#!/bin/sh\n") -> Path:
    path = commands / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def add_apt(commands: Path, *, locates: str) -> Path:
    """Add apt; it can locate the package when ``locates`` is among its arguments."""
    log = commands.parent / "apt.log"
    add(commands, "apt-get", APT.format(log=log, locates=locates))
    add(commands, "dpkg", DPKG)
    return log


def test_what_is_on_the_path_is_used(commands: Path, tmp_path: Path) -> None:
    there = {add(commands, name) for name in ("prometheus", "promtool")}
    log = add_apt(commands, locates="")
    install(tmp_path / ".local/prometheus")
    made = (tmp_path / ".local/prometheus/usr/bin").iterdir()
    assert {path.resolve() for path in made} == there
    assert not log.exists()


def test_apt_downloads_what_is_missing_and_changes_nothing_else(
    commands: Path, tmp_path: Path
) -> None:
    add(commands, "prometheus")
    log = add_apt(commands, locates="")
    folder = tmp_path / ".local/prometheus"
    folder.mkdir(parents=True)
    (folder / "of-before").touch()
    install(folder)
    assert sorted(path.name for path in (folder / "usr/bin").iterdir()) == [
        "prometheus",
        "promtool",
    ]
    assert list(folder.parent.iterdir()) == [folder]
    assert list(folder.iterdir()) == [folder / "usr"]
    assert len(log.read_text().splitlines()) == 1


def test_a_machine_without_package_lists_gets_lists_of_its_own(
    commands: Path, tmp_path: Path
) -> None:
    log = add_apt(commands, locates="Dir::State::lists=")
    install(tmp_path / ".local/prometheus")
    first, update, again = log.read_text().splitlines()
    assert first.endswith("download prometheus")
    assert update.endswith("update")
    assert f"Dir::State::lists={tmp_path}/.local/" in update
    assert again.endswith("download prometheus")


def test_a_machine_without_apt_is_told_what_to_install(commands: Path, tmp_path: Path) -> None:
    add(commands, "promtool")
    with pytest.raises(SystemExit, match="brew install prometheus"):
        install(tmp_path / ".local/prometheus")


def test_what_apt_said_is_passed_on(commands: Path, tmp_path: Path) -> None:
    add_apt(commands, locates="nowhere")
    with pytest.raises(SystemExit, match="Unable to locate package prometheus\nInstall it"):
        install(tmp_path / ".local/prometheus")
    assert list((tmp_path / ".local").iterdir()) == []
