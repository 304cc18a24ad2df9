"""Every stage is synthesised once, as it is configured; the tests read its templates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ops.layers import build_all
from stacks.assets import LayerTarget
from stacks.stages import DatabaseKind
from tests.infra.deployed_alarms import Deployed, deployed
from tests.infra.synthesis import CHOICES, Synthesised, stage_named, synthesise

if TYPE_CHECKING:
    from tests.infra.synthesis import Synthesise


@pytest.fixture(scope="session", autouse=True)
def layers() -> None:
    build_all(list(LayerTarget), require_bytecode=False)


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Give a stage by name and context; ``external`` is prod on the operator's own database."""
    made: dict[tuple[str, frozenset[tuple[str, str]]], Synthesised] = {}

    def by_name(name: str, **context: str) -> Synthesised:
        key = name, frozenset(context.items())
        if key not in made:
            stage = stage_named("prod" if name == "external" else name, **context)
            if name == "external":
                database = replace(stage.database, kind=DatabaseKind.EXTERNAL)
                stage = replace(stage, database=database)
            made[key] = synthesise(stage, tmp_path_factory.mktemp(name))
        return made[key]

    return by_name


@pytest.fixture
def chosen(synthesised: Synthesise) -> Synthesised:
    """Give dev as somebody has it who asks for all that is off unless it is asked for."""
    return synthesised("dev", **CHOICES)


@pytest.fixture(params=["local", "dev", "prod", "external"])
def stage(request: pytest.FixtureRequest, synthesised: Synthesise) -> Synthesised:
    return synthesised(request.param)


@pytest.fixture(scope="session")
def alarms(synthesised: Synthesise) -> Deployed:
    """Give prod's alarms; the other stages' are the same."""
    return deployed(synthesised("prod"))
