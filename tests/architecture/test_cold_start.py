"""Importing does nothing, and ingest loads little: a cold start is a budget."""

from __future__ import annotations

import json
import sys

import pytest

from tests.architecture.subprocesses import FUNCTIONS, LAYER, ROOT, run_python
from tillgate.providers import PROVIDERS

# Toast waits two seconds for a whole answer, cold start included. What bootstrap.ingest
# loads today beside the standard library, and a little room; whoever needs more says why.
# Four of them are for counting: what is counted, and of whom, when it is stored, and where; three
# more for what is set aside, the line's metrics, and the trace.
MAX_MODULES = 177
NO_BOTO3 = {"boto3", "botocore", "s3transfer"}
HEAVY = {
    "aws_lambda_powertools", "pydantic", "jinja2", "httpcore", "httpx", "requests", "tenacity",
    "urllib3",
}  # fmt: skip

IMPORT_HANDLER = """
import importlib.util, os, sys, threading

sys.path.insert(0, sys.argv[2])
forbidden = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "http.client.")

def refuse(event, arguments):
    if event.startswith(forbidden):
        raise RuntimeError(f"{event} while importing")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise RuntimeError(f"{arguments[0]} opened for writing while importing")

sys.dont_write_bytecode = True
sys.addaudithook(refuse)
environment = dict(os.environ)
spec = importlib.util.spec_from_file_location("handler", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert callable(module.handler)
assert threading.active_count() == 1, threading.enumerate()
assert dict(os.environ) == environment
"""

WIRE = """
import importlib, json, sys

before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
wired = getattr(importlib.import_module(f"tillgate.bootstrap.{sys.argv[2]}"), sys.argv[2])()
assert callable(wired)
if sys.argv[3:] == ["preload"]:
    wired.preload()
print(json.dumps(sorted(set(sys.modules) - before)))
"""

COLLECTING = """
import gc, sys
from pathlib import Path

sys.path.insert(0, sys.argv[2])
# Compiled before it is watched: that makes garbage of its own where no .pyc is there yet.
handler = compile(Path(sys.argv[1]).read_text(), sys.argv[1], "exec")
collected = []
gc.callbacks.append(lambda phase, _: collected.append(phase))
exec(handler, {"__name__": "handler"})
print(len(collected), gc.isenabled(), gc.get_freeze_count() > 10_000)
"""

INGEST_ENV = {
    "STAGE": "test",
    "VERSION": "0",
    "DATABASE_SECRET_ARN": "arn:database",
    "KEY_RING_SECRET_ARN": "arn:ring",
    "ACCEPT_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/accept",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/dead",
    "OBJECTS_BUCKET": "objects",
}


@pytest.fixture(scope="module")
def ingest_modules() -> list[str]:
    """What is loaded once the whole of ingest is wired, before its first request."""
    return list(json.loads(run_python(WIRE, str(LAYER), "ingest", env=INGEST_ENV)))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_imports_with_an_empty_environment_and_does_nothing(function: str) -> None:
    handler = ROOT / "functions" / function / "handler.py"

    assert run_python(IMPORT_HANDLER, str(handler), str(LAYER)) == ""


def top_level(module: str) -> str:
    return module.partition(".")[0]


def test_every_function_is_found() -> None:
    assert {"accept", "health", "ingest", "migrate", "sweep"} <= set(FUNCTIONS)


def test_there_is_no_boto3_on_the_accept_path(ingest_modules: list[str]) -> None:
    # The queue and the snapshot are there from the first request on, and import nothing of it.
    assert {"tillgate.adapters.accept_queue", "tillgate.adapters.objects"} <= set(ingest_modules)
    assert NO_BOTO3 & {top_level(name) for name in ingest_modules} == set()


def test_ingest_loads_nothing_heavy(ingest_modules: list[str]) -> None:
    assert HEAVY & {top_level(name) for name in ingest_modules} == set()


def test_ingest_reads_no_time_zones(ingest_modules: list[str]) -> None:
    assert "tillgate.domain.silence" not in ingest_modules
    assert "tzdata" not in {top_level(name) for name in ingest_modules}


def test_ingest_stays_within_its_budget_of_modules(ingest_modules: list[str]) -> None:
    ours = [name for name in ingest_modules if top_level(name) not in sys.stdlib_module_names]

    assert len(ours) <= MAX_MODULES


def test_ingest_looks_for_no_garbage_while_it_starts_and_does_afterwards() -> None:
    handler = ROOT / "functions" / "ingest" / "handler.py"

    assert run_python(COLLECTING, str(handler), str(LAYER)).split() == ["0", "True", "True"]


def test_ingest_loads_what_its_first_request_needs(ingest_modules: list[str]) -> None:
    needed = {"psycopg", "psycopg_binary", "cryptography", "tillgate.adapters.aws.json_client"}

    assert needed <= set(ingest_modules)


def vendors(modules: list[str]) -> set[str]:
    return {name.rpartition(".")[2] for name in modules if name.startswith("tillgate.providers.")}


def test_ingest_waits_for_no_vendor_s_code(ingest_modules: list[str]) -> None:
    assert vendors(ingest_modules) == set()


@pytest.mark.parametrize("function", ["ingest", "accept"])
def test_a_snapshot_holds_every_vendor_s_code(function: str) -> None:
    modules = json.loads(run_python(WIRE, str(LAYER), function, "preload", env=INGEST_ENV))

    assert vendors(modules) == set(PROVIDERS)
