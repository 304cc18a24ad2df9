"""Every stage is synthesised once; the tests read its templates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ops.layers import build_all
from stacks.assets import LayerTarget
from stacks.stages import DatabaseKind
from tests.infra.deployed_alarms import Deployed, deployed
from tests.infra.synthesis import Synthesised, stage_named, synthesise

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session", autouse=True)
def layers() -> None:
    build_all(list(LayerTarget), require_bytecode=False)


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesised]:
    """Give a stage by name; ``external`` is prod on a database of the operator's own."""
    made: dict[str, Synthesised] = {}

    def by_name(name: str) -> Synthesised:
        if name not in made:
            stage = stage_named("prod" if name == "external" else name)
            if name == "external":
                database = replace(stage.database, kind=DatabaseKind.EXTERNAL)
                stage = replace(stage, database=database)
            made[name] = synthesise(stage, tmp_path_factory.mktemp(name))
        return made[name]

    return by_name


@pytest.fixture(params=["local", "dev", "prod", "external"])
def stage(request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesised]) -> Synthesised:
    return synthesised(request.param)


@pytest.fixture(scope="session")
def alarms(synthesised: Callable[[str], Synthesised]) -> Deployed:
    """Give prod's alarms; the other stages' are the same."""
    return deployed(synthesised("prod"))
