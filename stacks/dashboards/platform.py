"""The platform's dashboard: all tenants together, from the sender's side inwards."""

from __future__ import annotations

from dataclasses import replace

from stacks.dashboards.model import Board
from stacks.dashboards.onward import ONWARD
from stacks.dashboards.traffic import TRAFFIC
from stacks.dashboards.upkeep import CLUSTER, DATABASE, UPKEEP


def platform_board(*, has_cluster: bool) -> Board:
    """``has_cluster``: the database is an Aurora cluster of the stack's own."""
    database = DATABASE
    if has_cluster:
        database = replace(database, panels=(*database.panels, CLUSTER))
    return Board(name="platform", sections=(TRAFFIC, ONWARD, database, UPKEEP))
