from __future__ import annotations

import pytest

from ops.supply.locks import (
    LOCKS,
    Ecosystem,
    LockError,
    Package,
    parse_lock,
    parse_node_lock,
    read_lock,
    rounds,
)
from stacks.assets import ROOT

DIGEST, OTHER = "a" * 64, "b" * 64
LOCK = f"""\
# made by make lock
Jinja2==3.1.6 \\
    --hash=sha256:{DIGEST} \\
    --hash=sha256:{OTHER}
numpy==2.4.6 ; python_full_version < '3' \\
    --hash=sha256:{DIGEST}
numpy==2.5.5 ; python_full_version >= '3' \\
    --hash=sha256:{DIGEST}
"""


def test_a_pin_has_its_name_its_hashes_and_where_it_applies() -> None:
    jinja, old, new = parse_lock(LOCK)

    assert jinja.package == Package("jinja2", "3.1.6")
    assert jinja.hashes == {DIGEST, OTHER}
    assert [jinja.applies_here, old.applies_here, new.applies_here] == [True, False, True]


def test_two_versions_of_a_package_are_asked_for_apart_and_each_once() -> None:
    shared = rounds([*parse_lock(LOCK), *parse_lock(LOCK)])

    assert [[str(pin.package) for pin in listed] for listed in shared] == [
        ["jinja2 3.1.6", "numpy 2.4.6"],
        ["numpy 2.5.5"],
    ]


@pytest.mark.parametrize("line", ["jinja2==3.1.6", f"jinja2>=3 --hash=sha256:{DIGEST}"])
def test_a_line_that_pins_nothing_is_an_error(line: str) -> None:
    with pytest.raises(LockError):
        parse_lock(line)


def test_every_lock_file_is_audited() -> None:
    # sources are *.in, and whatever has one is installed somewhere.
    assert {lock.name for lock in LOCKS} == {
        path.stem for path in (ROOT / "requirements").glob("*.in")
    }
    assert [lock.name for lock in LOCKS if lock.ships] == ["vendor"]
    assert all(len(read_lock(lock)) > 0 for lock in LOCKS)


def test_npms_lock_is_read_without_this_project_itself() -> None:
    found = parse_node_lock(
        '{"packages": {"": {"name": "tillgate"}, "node_modules/a/node_modules/@b/c":'
        ' {"version": "1.0.0", "license": "MIT"}, "node_modules/d": {"version": "2.0.0"}}}'
    )

    assert [(entry.package, entry.licence) for entry in found] == [
        (Package("@b/c", "1.0.0", Ecosystem.NPM), "MIT"),
        (Package("d", "2.0.0", Ecosystem.NPM), ""),
    ]
