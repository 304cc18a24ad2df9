"""Answers as pip-audit 2.10 and npm 11 gave them; the advisories in them are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.supply.advisories import Answer, Severity, read_node, read_python
from ops.supply.locks import Ecosystem, Package

ANSWERS = Path(__file__).parent / "answers"
TYPES = Package("annotated-types", "0.8.0")
JINJA = Package("jinja2", "3.1.6")
CDK = Package("aws-cdk", "2.1148.1", Ecosystem.NPM)
FSEVENTS = Package("fsevents", "2.3.3", Ecosystem.NPM)
PYRIGHT = Package("pyright", "1.1.414", Ecosystem.NPM)


def recorded(name: str) -> str:
    return (ANSWERS / f"{name}.json").read_text()


def test_a_python_vulnerability_is_unrated_and_so_counts_as_high() -> None:
    answer = read_python(recorded("pip_audit_found"), [TYPES, JINJA])

    (found,) = answer.advisories
    assert answer.unchecked == ()
    assert found.package == JINJA
    assert found.ids == ("PYSEC-2026-12", "CVE-2026-1001", "GHSA-aaaa-bbbb-cccc")
    assert found.fixed_in == ("3.1.7",)
    assert found.severity is Severity.UNRATED
    assert found.severity.fails


def test_what_pip_audit_skips_is_unchecked_though_it_calls_that_a_success() -> None:
    answer = read_python(recorded("pip_audit_skipped"), [TYPES, Package("uv", "0.13.9")])

    assert answer == Answer(unchecked=("1 of 2 packages: no answer: uv 0.13.9",))


def test_a_package_that_pip_audit_does_not_mention_is_unchecked() -> None:
    answer = read_python(recorded("pip_audit_found"), [TYPES, JINJA, Package("h11", "0.16.0")])

    assert answer.unchecked == ("1 of 3 packages: no answer: h11 0.16.0",)


def test_another_version_than_the_locked_one_is_no_answer() -> None:
    answer = read_python(recorded("pip_audit_found"), [TYPES, Package("jinja2", "3.1.5")])

    assert answer.unchecked == ("1 of 2 packages: no answer: jinja2 3.1.5",)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"dependencies": [{}]}', "<html>"])
def test_a_malformed_answer_of_pip_audit_is_no_answer(text: str) -> None:
    answer = read_python(text, [JINJA])

    assert answer.advisories == ()
    assert len(answer.unchecked) == 1


def test_npms_advisories_are_each_told_once_with_their_severity() -> None:
    answer = read_node(recorded("npm_found"), [CDK, FSEVENTS, PYRIGHT])

    assert answer.unchecked == ()
    assert [(each.ids, each.package, each.severity) for each in answer.advisories] == [
        (("GHSA-dddd-eeee-ffff",), CDK, Severity.HIGH),
        (("GHSA-gggg-hhhh-jjjj",), FSEVENTS, Severity.MODERATE),
    ]


def test_npms_registry_without_advisories_is_told_in_its_own_words() -> None:
    answer = read_node(recorded("npm_unreachable"), [CDK])

    (missed,) = answer.unchecked
    assert missed.startswith("npm: 405 Method Not Allowed")


def test_npm_that_looked_up_less_than_the_lock_has_is_unchecked() -> None:
    more = [CDK, FSEVENTS, PYRIGHT, Package("left-pad", "1.3.0", Ecosystem.NPM)]

    assert read_node(recorded("npm_found"), more).unchecked == ("npm looked up 3 of 4 packages",)


@pytest.mark.parametrize("text", ["", "null", "{}", '{"auditReportVersion": 1}', "oops"])
def test_a_malformed_answer_of_npm_is_no_answer(text: str) -> None:
    answer = read_node(text, [CDK])

    assert answer.advisories == ()
    assert len(answer.unchecked) == 1
