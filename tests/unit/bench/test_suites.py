"""What `make bench` runs: every suite there is, the longest last."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from bench import suites
from bench.suites import QUICK, SUITES


def test_every_suite_there_is_is_run() -> None:
    modules = [import_module(f"bench.suites.{one.name}") for one in iter_modules(suites.__path__)]
    runs = {module.run for module in modules if hasattr(module, "run")}

    assert runs <= set(SUITES.values())
    assert {"cost", "scale"} <= set(SUITES)


def test_the_longest_is_last_and_cost_takes_what_scale_found() -> None:
    order = list(SUITES)

    assert order[-1] == "growth"
    assert order.index("scale") < order.index("cost")
    assert set(QUICK) < set(order)
