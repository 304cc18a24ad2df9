from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.cli.fake_tillgate import (
    LOCAL_TOKEN,
    LOCAL_URL,
    OPERATOR_TOKEN,
    TENANT,
    URL,
    write_stack_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

LOCAL_TENANTS = "/_aws/execute-api/abc/admin/api/tenants"


def test_the_local_stack_is_found_from_a_folder_below(
    server: FakeTillgate, tillgate: TypeCommand, stack_file: Path
) -> None:
    server.answer("GET", LOCAL_TENANTS, {"tenants": [TENANT]})
    folder = stack_file.parent.parent / "a" / "b"
    folder.mkdir(parents=True)

    result = tillgate("tenant", "list", environ={}, folder=folder)

    assert result.exit_code == 0
    assert server.requests[-1].headers["Authorization"] == f"Bearer {LOCAL_TOKEN}"


def test_the_environment_comes_before_the_local_stack(
    server: FakeTillgate, tillgate: TypeCommand, stack_file: Path
) -> None:
    tillgate("tenant", "list", folder=stack_file.parent)

    assert server.requests[-1].url.host == "pos.example.com"
    assert server.requests[-1].headers["Authorization"] == f"Bearer {OPERATOR_TOKEN}"


@pytest.mark.usefixtures("stack_file")
@pytest.mark.parametrize("before_the_noun", [True, False])
def test_options_come_before_the_environment_and_stand_on_either_side_of_the_noun(
    server: FakeTillgate, tillgate: TypeCommand, tmp_path: Path, *, before_the_noun: bool
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("token-from-file\n")
    options = ["--url", "https://other.example", "--token-file", str(token_file), "-o", "json"]
    noun = ["tenant", "list"]

    result = tillgate(*(options + noun if before_the_noun else noun + options))

    assert server.requests[-1].url.host == "other.example"
    assert server.requests[-1].headers["Authorization"] == "Bearer token-from-file"
    assert json.loads(result.stdout) == {"tenants": [TENANT]}


@pytest.mark.usefixtures("stack_file")
def test_a_token_alone_is_not_sent_to_the_local_stack(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    result = tillgate("tenant", "list", environ={"TILLGATE_OPERATOR_TOKEN": OPERATOR_TOKEN})

    assert result.exit_code == 2
    assert server.requests == []
    assert "TILLGATE_URL" in result.stderr
    assert OPERATOR_TOKEN not in result.output


@pytest.mark.usefixtures("stack_file")
def test_the_local_stacks_token_is_not_sent_to_another_address(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    result = tillgate("tenant", "list", environ={"TILLGATE_URL": URL})

    assert result.exit_code == 2
    assert server.requests == []
    assert "TILLGATE_OPERATOR_TOKEN" in result.stderr


@pytest.mark.usefixtures("stack_file")
def test_the_local_stacks_own_address_may_be_given_without_its_token(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", LOCAL_TENANTS, {"tenants": [TENANT]})

    result = tillgate("tenant", "list", "--url", LOCAL_URL + "/", environ={})

    assert result.exit_code == 0


def test_without_any_stack_the_way_to_one_is_said(tillgate: TypeCommand) -> None:
    result = tillgate("tenant", "list", environ={})

    assert result.exit_code == 2
    assert "next: make demo" in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://pos.example.com",
        "http://127.0.0.1.example.com",
        "https://user:hunter2@pos.example.com",
        "https://pos.example.com?token=hunter2",
        "https://pos.example.com#hunter2",
        "ftp://pos.example.com",
        "pos.example.com",
        "https://",
        "https://pos.example.com:hunter2",
        "https://pos.example.com/\n",
        "https://[::1",
    ],
)
def test_no_token_goes_to_an_address_like(
    server: FakeTillgate, tillgate: TypeCommand, url: str
) -> None:
    result = tillgate("tenant", "list", "--url", url)

    assert result.exit_code == 2
    assert server.requests == []
    assert "next:" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:4566", "http://[::1]:4566", "http://abc.localhost", "http://localhost"],
)
def test_this_machine_may_be_called_without_tls(
    server: FakeTillgate, tillgate: TypeCommand, url: str
) -> None:
    result = tillgate("tenant", "list", "--url", url)

    assert result.exit_code == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("arguments", [["--token", "hunter2"], ["--token=hunter2"]])
@pytest.mark.parametrize("before_the_noun", [True, False])
def test_a_token_is_not_taken_from_the_command_line_nor_repeated(
    server: FakeTillgate, tillgate: TypeCommand, arguments: list[str], *, before_the_noun: bool
) -> None:
    noun = ["tenant", "list"]

    result = tillgate(*(arguments + noun if before_the_noun else noun + arguments))

    assert result.exit_code == 2
    assert server.requests == []
    assert "--token-file" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize("token", ["two words", "line\nline", "käse", "\x1b[31m"])
def test_a_token_that_fits_no_header_is_refused_and_not_repeated(
    server: FakeTillgate, tillgate: TypeCommand, token: str
) -> None:
    environ = {"TILLGATE_URL": URL, "TILLGATE_OPERATOR_TOKEN": token}

    result = tillgate("tenant", "list", environ=environ)

    assert result.exit_code == 2
    assert server.requests == []
    assert token not in result.output


def test_a_missing_token_file_is_said(tillgate: TypeCommand, tmp_path: Path) -> None:
    result = tillgate("tenant", "list", "--token-file", str(tmp_path / "none"))

    assert result.exit_code == 2
    assert "No such file" in result.stderr


@pytest.mark.parametrize(
    "document", ["", "[]", "{", {"api_url": LOCAL_URL}, {"api_url": 1, "admin_token": "t"}]
)
def test_a_stack_file_that_names_no_stack_is_said_and_none_farther_up_is_taken(
    server: FakeTillgate, tillgate: TypeCommand, stack_file: Path, document: object
) -> None:
    folder = stack_file.parent.parent / "inner"
    folder.mkdir()
    write_stack_file(folder, document)

    result = tillgate("tenant", "list", environ={}, folder=folder)

    assert result.exit_code == 2
    assert server.requests == []
    assert "next: make demo" in result.stderr


def test_another_users_stack_file_is_not_trusted(
    tillgate: TypeCommand, stack_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = stack_file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        os.chown(stack_file, 12345, -1)

    result = tillgate("tenant", "list", environ={}, folder=stack_file.parent)

    assert result.exit_code == 2
    assert "belongs to another user" in result.stderr
