"""Saved queries ask for what the lines have, over all log groups there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from stacks.log_queries import QUERIES, Lines, LogQuery
from tests.infra import log_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.synthesis import Synthesised

COMMANDS = {"fields", "filter", "stats", "sort", "limit", "parse", "display"}
WORDS = {"and", "or", "not", "like", "in", "as", "by", "asc", "desc"}
_TEXTS = re.compile(r'"[^"]*"|/\^?(?:\\.|[^/\n])+/')
_NAMES = re.compile(r"@?[A-Za-z_]\w*")


def fields_used(query: str) -> set[str]:
    """Give the fields that a query reads from lines, and not those that it makes."""
    made = set(re.findall(r"\bas\s+(\w+)", query)) | set(re.findall(r"\(\?<(\w+)>", query))
    # error.0 is the first of the list that error is, queues.accept a member of queues; the 15m
    # of bin(15m) begins with a digit.
    bare = re.sub(r"\.\w+\b|\b\d\w*", " ", _TEXTS.sub(" ", query))
    calls = set(re.findall(r"(\w+)\(", bare))
    return set(_NAMES.findall(bare)) - made - calls - COMMANDS - WORDS


def lines_of(query: LogQuery) -> frozenset[str]:
    return log_fields.of_gateway() if query.of is Lines.GATEWAY else log_fields.of_functions()


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ('filter rid = "made up" and status >= 500', {"rid", "status"}),
        ("stats count(*) as n, latest(rid) as one by error.0, bin(15m)", {"rid", "error"}),
        (r"parse @message /(?:A|B): (?<ms>[0-9.]+)/ | filter ispresent(ms)", {"@message"}),
    ],
)
def test_fields_of_a_query_are_told_from_its_words(query: str, fields: set[str]) -> None:
    assert fields_used(query) == fields


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_reads_fields_that_lines_have(query: LogQuery) -> None:
    assert fields_used(query.text)
    assert fields_used(query.text) - lines_of(query) == set()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_asks_for_what_it_has_parameters_for(query: LogQuery) -> None:
    assert set(re.findall(r"\{\{(\w+)\}\}", query.text)) == set(query.asks)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_each_step_of_a_query_is_a_command(query: LogQuery) -> None:
    bare = _TEXTS.sub(" ", query.text)
    assert {step.split()[0] for step in bare.split("|")} <= COMMANDS


def test_each_query_has_a_name_of_its_own() -> None:
    assert len({query.name for query in QUERIES}) == len(QUERIES)


@pytest.mark.parametrize("name", ["dev", "prod", "external"])
def test_every_query_is_saved_over_every_function_s_lines(
    synthesised: Callable[[str], Synthesised], name: str
) -> None:
    made = synthesised(name)
    saved = {
        resource["Properties"]["Name"]: resource["Properties"]
        for resource in made.resources("AWS::Logs::QueryDefinition").values()
    }
    functions = {
        logical_id
        for logical_id, resource in made.resources("AWS::Lambda::Function").items()
        if "LoggingConfig" in resource["Properties"]
    }

    assert set(saved) == {f"Tillgate/{made.stage.name}/{query.name}" for query in QUERIES}
    for query in QUERIES:
        properties = saved[f"Tillgate/{made.stage.name}/{query.name}"]
        assert properties["QueryString"] == query.text
        assert {one["Name"] for one in properties.get("Parameters", [])} == set(query.asks)
        groups = len(properties["LogGroupNames"])
        assert groups == (1 if query.of is Lines.GATEWAY else len(functions))


def test_the_emulator_is_spared_what_it_lacks(synthesised: Callable[[str], Synthesised]) -> None:
    assert synthesised("local").resources("AWS::Logs::QueryDefinition") == {}
