"""Choosing a stage from what the operator typed."""

from __future__ import annotations

import pytest

from stacks.context import StageError
from stacks.stages import DatabaseKind, StageConfig, choose_stage


def chosen(**context: str) -> StageConfig:
    return choose_stage(context.get)


def test_dev_is_the_stage_when_none_is_named() -> None:
    assert chosen().name == "dev"


def test_a_stage_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(StageError, match="no stage 'qa': choose one of local, dev, prod"):
        chosen(stage="qa")


def test_the_operators_own_database_is_chosen_by_context() -> None:
    stage = chosen(stage="prod", database="external", database_secret="mine")
    assert stage.database.kind is DatabaseKind.EXTERNAL
    assert stage.database.external_url_name == "mine"


def test_a_database_that_there_is_not_is_refused() -> None:
    with pytest.raises(StageError, match="no database 'mysql': choose aurora or external"):
        chosen(database="mysql")


def test_half_a_domain_is_refused() -> None:
    with pytest.raises(StageError, match="both domain_name and certificate_arn"):
        chosen(domain_name="pos.example.com")


@pytest.mark.parametrize(("stage", "default"), [("local", False), ("dev", False), ("prod", True)])
def test_each_tenant_s_metrics_are_prod_s_unless_the_operator_says_otherwise(
    stage: str,
    default: bool,  # noqa: FBT001  A parameter of the test.
) -> None:
    assert chosen(stage=stage).per_tenant_metrics is default
    assert chosen(stage=stage, per_tenant_metrics="on").per_tenant_metrics is True
    assert chosen(stage=stage, per_tenant_metrics="off").per_tenant_metrics is False
    assert chosen(stage=stage).common_settings()["per_tenant_metrics"] == int(default)


def test_a_switch_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(StageError, match="per_tenant_metrics is on or off, not 'yes'"):
        chosen(per_tenant_metrics="yes")


def test_limits_are_taken_from_context() -> None:
    assert chosen(request_timeout_ms="4000").limits.request_timeout_ms == 4000
