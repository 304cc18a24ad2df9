"""Files stay short, errors have answers, and tests stand where their subject stands."""

from __future__ import annotations

import inspect

import pytest

from tests.architecture.subprocesses import LAYER, ROOT
from tillgate.domain import errors
from tillgate.domain.errors import SenderError, TillgateError, UpstreamError
from tillgate.entrypoints import problems

MAX_LINES = 400
FOLDERS = ("layers/tillgate", "functions", "stacks", "ops", "tests", "bench")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for suffix in ("*.py", "*.sql")
    for path in (ROOT / folder).rglob(suffix)
)
ROOTS = {TillgateError, SenderError, UpstreamError}
ERRORS = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, TillgateError) and error not in ROOTS
]
# AcceptHook sets an unreadable delivery aside and answers 200, and a message that is bad or not
# understood never leaves the worker, which answers nobody; should one ever escape, the fault is
# ours.
NEVER_ANSWERED = [
    errors.UnreadableDeliveryError,
    errors.BadMessageError,
    errors.NotUnderstoodError,
]
# Whoever calls learns no more than that a secret, or the store, cannot be used: the answer is
# the parent's.
ANSWERED_AS = {
    errors.SealBrokenError: errors.SecretUnavailableError,
    errors.KeyMissingError: errors.SecretUnavailableError,
    errors.StoreRefusedError: errors.StoreUnavailableError,
}
ANSWERED = [error for error in ERRORS if error not in {*NEVER_ANSWERED, *ANSWERED_AS}]
MODULES = sorted(path.relative_to(LAYER / "tillgate") for path in LAYER.rglob("*.py"))


def test_no_file_is_longer_than_anyone_reads() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }

    assert long == {}


@pytest.mark.parametrize("error", ANSWERED, ids=lambda error: error.__name__)
def test_every_error_has_an_answer_of_its_own(error: type[TillgateError]) -> None:
    kind, status, title = problems._PROBLEMS[error]

    assert kind
    assert title
    assert (400 <= status < 500) is issubclass(error, SenderError)
    assert (status >= 500) is issubclass(error, UpstreamError)


@pytest.mark.parametrize(("error", "parent"), ANSWERED_AS.items(), ids=lambda e: e.__name__)
def test_an_error_without_an_answer_of_its_own_has_its_parent_s(
    error: type[TillgateError], parent: type[TillgateError]
) -> None:
    assert error not in problems._PROBLEMS
    assert parent in ANSWERED
    assert problems.problem(error("x")) == problems.problem(parent("x"))


@pytest.mark.parametrize("error", NEVER_ANSWERED, ids=lambda error: error.__name__)
def test_what_is_never_answered_would_be_a_fault_of_ours(error: type[TillgateError]) -> None:
    assert problems.problem(error("escaped"))["status"] == 500


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_says_what_it_means_and_ends_in_error(error: type[TillgateError]) -> None:
    assert error.__doc__
    assert error.__name__.endswith("Error")


@pytest.mark.parametrize(
    "name", ["utils.py", "helpers.py", "constants.py", "common.py", "misc.py", "base.py"]
)
def test_no_file_is_named_for_nothing(name: str) -> None:
    assert [path for path in SOURCES if path.name == name] == []


def test_the_package_is_found() -> None:
    assert len(MODULES) > 40
