"""``python -m bench.seed --folder FOLDER [--events 5000000]``: a database with a long history.

The server ends; its files stay in FOLDER/data, beside which its port and password are kept. The
database is ``seeded-history``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.seeded import load
from bench.seeding import Seed

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "history"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of a server of its own")
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=100, help="that they are spread over")
    parser.add_argument("--tenants", type=int, default=1_000, help="of very unequal size")
    options = parser.parse_args(arguments)
    plan = Seed(events=options.events, days=options.days, tenants=options.tenants)
    load(options.folder, {NAME: plan}, say=print)


if __name__ == "__main__":
    main()
