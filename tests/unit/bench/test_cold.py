"""What ``-X importtime`` says, summed up by package."""

from __future__ import annotations

from bench.suites.cold import by_package

WRITTEN = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:      2000 |       3500 | psycopg
import time:       500 |       1500 |     psycopg.rows
import time:       250 |        250 |       psycopg_binary._psycopg
a line of somebody else's: 12 | 13 | json
"""


def test_each_module_s_own_time_counts_for_its_package() -> None:
    assert by_package(WRITTEN) == {"_io": 0.1, "psycopg": 2.5, "psycopg_binary": 0.25}
