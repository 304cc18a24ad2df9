from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT, TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

TENANTS = "/admin/api/tenants"


def test_a_tenant_is_created_and_the_next_command_is_named(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", TENANTS, TENANT, status=201)

    result = tillgate("tenant", "create", "demo", "--name", "Demo Bakery")

    assert result.exit_code == 0
    assert server.last_body == {"slug": "demo", "name": "Demo Bakery"}
    assert TENANT_ID in result.stdout
    assert "tillgate source add demo PROVIDER" in result.stderr


def test_a_tenant_without_a_name_is_named_as_its_slug(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("POST", TENANTS, TENANT, status=201)

    tillgate("tenant", "create", "demo")

    assert server.last_body == {"slug": "demo", "name": "demo"}


def test_a_taken_slug_is_said_with_the_servers_words_and_the_rid(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    problem = {
        "type": "slug-taken",
        "title": "Another tenant has this slug",
        "status": 409,
        "detail": "The slug demo is in use.",
        "rid": "rid-1",
    }
    server.answer("POST", TENANTS, problem, status=409)

    result = tillgate("tenant", "create", "demo")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Another tenant has this slug (409 slug-taken)" in result.stderr
    assert "The slug demo is in use." in result.stderr
    assert "rid: rid-1" in result.stderr
    assert "next: tillgate tenant list" in result.stderr


def test_every_fault_of_a_refused_body_is_shown(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    faults = [
        {"pointer": "/slug", "detail": "must be lower case"},
        {"pointer": "/name", "detail": "must be at most 200 characters"},
    ]
    problem = {"type": "invalid-request", "title": "Not a tenant", "status": 422, "errors": faults}
    server.answer("POST", TENANTS, problem, status=422)

    result = tillgate("tenant", "create", "DEMO")

    assert "/slug: must be lower case" in result.stderr
    assert "/name: must be at most 200 characters" in result.stderr


def test_tenants_are_listed_as_a_table(tillgate: TypeCommand) -> None:
    result = tillgate("tenant", "list")

    heading, row = result.stdout.splitlines()
    assert heading.split()[:2] == ["SLUG", "STATE"]
    assert row.split()[:3] == ["demo", "active", TENANT_ID]
    assert result.stderr == ""


def test_no_tenant_is_said_on_stderr_with_the_next_command(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", TENANTS, {"tenants": []})

    result = tillgate("tenant", "list")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert "tillgate tenant create" in result.stderr


@pytest.mark.parametrize("tenant", ["demo", TENANT_ID, TENANT_ID.upper()])
@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_a_tenant_is_meant_by_slug_or_id(
    server: FakeTillgate, tillgate: TypeCommand, tenant: str, verb: str
) -> None:
    server.answer("POST", f"{TENANTS}/{TENANT_ID}/{verb}", TENANT)

    result = tillgate("tenant", verb, tenant, "--output", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == TENANT


def test_an_unknown_slug_is_refused_even_if_the_server_lists_others(tillgate: TypeCommand) -> None:
    result = tillgate("tenant", "suspend", "nobody")

    assert result.exit_code == 1
    assert "No tenant has the slug nobody" in result.stderr
    assert "next: tillgate tenant list" in result.stderr


@pytest.mark.parametrize("tenant", ["../tokens", "Demo Bakery", "tg_live_pasted", ""])
def test_what_is_neither_slug_nor_id_is_sent_nowhere_and_not_repeated(
    server: FakeTillgate, tillgate: TypeCommand, tenant: str
) -> None:
    result = tillgate("tenant", "suspend", tenant)

    assert result.exit_code == 2
    assert server.requests == []
    assert not tenant or tenant not in result.stderr
