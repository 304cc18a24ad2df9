from __future__ import annotations

from datetime import date

import pytest

from ops.supply.advisories import Advisory, Answer, Severity
from ops.supply.audit import CLEAN, FAILED, POLICY, UNCHECKED, outcome, told
from ops.supply.locks import Ecosystem, Package
from ops.supply.policy import (
    Acknowledgement,
    LicenceException,
    Licences,
    PolicyError,
    Verdict,
    judge_advisories,
    judge_licences,
    parse_policy,
)

TODAY = date(2026, 11, 23)
JINJA = Package("jinja2", "3.1.6")
UNRATED = Advisory(
    ("PYSEC-2026-12", "GHSA-aaaa-bbbb-cccc"), JINJA, Severity.UNRATED, "Breakout", ("3.1.7",)
)
MODERATE = Advisory(
    ("GHSA-gggg-hhhh-jjjj",),
    Package("fsevents", "2.3.3", Ecosystem.NPM),
    Severity.MODERATE,
    "Endless loop",
)
REASON = "Templates are ours alone: nobody else writes one."
ACKNOWLEDGED = '[licences]\nallowed = ["MIT"]\n[[acknowledged]]\nid = "X"\npackage = "y"\n'
KNOWN = Acknowledgement(
    id="GHSA-aaaa-bbbb-cccc", package="Jinja2", reason=REASON, expires=date(2026, 12, 24)
)


def judged(answer: Answer, *known: Acknowledgement, today: date = TODAY) -> Verdict:
    return judge_advisories(answer, known, today=today, used_by=lambda _: "vendor (ships)")


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL, Severity.UNRATED])
def test_a_high_vulnerability_fails_and_says_where_it_is_and_what_mends_it(
    severity: Severity,
) -> None:
    found = Advisory(UNRATED.ids, JINJA, severity, "Breakout", ("3.1.7",))

    verdict = judged(Answer((found,)))

    assert outcome(verdict) == FAILED
    (failure,) = verdict.failures
    assert failure == (
        f"{severity} PYSEC-2026-12 (GHSA-aaaa-bbbb-cccc) jinja2 3.1.6 in vendor (ships): "
        "Breakout; mended in 3.1.7"
    )


def test_a_moderate_vulnerability_is_said_and_fails_nothing() -> None:
    verdict = judged(Answer((MODERATE,)))

    assert outcome(verdict) == CLEAN
    assert "GHSA-gggg-hhhh-jjjj" in told("Vulnerabilities", verdict)


def test_an_acknowledged_one_is_said_with_its_reason_by_any_of_its_ids() -> None:
    verdict = judged(Answer((UNRATED,)), KNOWN)

    assert outcome(verdict) == CLEAN
    assert f"acknowledged until 2026-12-24: {REASON}" in told("Vulnerabilities", verdict)


def test_an_acknowledgement_is_for_its_package_only() -> None:
    other = KNOWN.model_copy(update={"package": "markupsafe"})

    verdict = judged(Answer((UNRATED,)), other)

    assert len(verdict.failures) == 2
    assert verdict.failures[1].endswith("is not needed: remove it")


def test_an_acknowledgement_holds_on_its_last_day_and_fails_on_the_next() -> None:
    assert judged(Answer((UNRATED,)), KNOWN, today=date(2026, 12, 24)).failures == ()
    assert judged(Answer((UNRATED,)), KNOWN, today=date(2026, 12, 25)).failures == (
        "the acknowledgement of GHSA-aaaa-bbbb-cccc for Jinja2 expired on 2026-12-24",
    )


def test_nobody_acknowledges_for_ever() -> None:
    for_ever = KNOWN.model_copy(update={"expires": date(2099, 1, 1)})

    (failure,) = judged(Answer((UNRATED,)), for_ever).failures

    assert failure.endswith("is for more than 90 days")


def test_an_acknowledgement_that_nothing_needs_fails() -> None:
    (failure,) = judged(Answer(), KNOWN).failures

    assert failure.endswith("is not needed: remove it")


def test_while_a_service_is_silent_no_acknowledgement_is_called_unneeded() -> None:
    verdict = judged(Answer(unchecked=("npm: 405",)), KNOWN)

    assert verdict == Verdict(unchecked=("npm: 405",))
    assert outcome(verdict) == UNCHECKED
    assert told("Vulnerabilities", verdict).endswith("NOT CHECKED  npm: 405")


def test_a_failure_is_told_before_what_was_not_checked() -> None:
    assert outcome(judged(Answer((UNRATED,), ("npm: 405",)))) == FAILED


def test_the_policy_of_this_repository_can_be_read() -> None:
    assert "MIT" in parse_policy(POLICY.read_text()).licences.allowed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "licences: Field required"),
        ("[licences]\nallowed = []", "licences.allowed"),
        ('[licences]\nallowed = ["MIT"]\nextra = 1', "licences.extra"),
        ("[licences", "Expected"),
        (f'{ACKNOWLEDGED}reason = "because"\nexpires = 2026-12-24', "acknowledged.0.reason"),
        (f'{ACKNOWLEDGED}reason = "long enough to be a reason"', "acknowledged.0.expires"),
    ],
)
def test_a_policy_that_leaves_something_out_is_refused_and_says_what(text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        parse_policy(text)


PSYCOPG = LicenceException(
    package="psycopg", licence="LGPL-3.0-only", reason="Shipped as it is published."
)
POLICY_OF_TEST = Licences(allowed=["MIT", "Apache-2.0"], exceptions=[PSYCOPG])
PSYCOPGS_OWN = {Package("psycopg", "3.3.9"): "LGPL-3.0-only"}


def licences_judged(found: dict[Package, str]) -> Verdict:
    return judge_licences(found, POLICY_OF_TEST, used_by=lambda _: "dev")


def test_an_allowed_licence_passes_and_an_excepted_one_is_said_with_its_reason() -> None:
    verdict = licences_judged({**PSYCOPGS_OWN, JINJA: "MIT OR GPL-3.0-only"})

    assert verdict == Verdict(
        notes=("psycopg 3.3.9 in dev is under LGPL-3.0-only: Shipped as it is published.",)
    )


@pytest.mark.parametrize("licence", ["AGPL-3.0-only", "MIT AND AGPL-3.0-only", ""])
def test_a_licence_that_is_not_allowed_fails(licence: str) -> None:
    verdict = licences_judged({**PSYCOPGS_OWN, JINJA: licence})

    assert verdict.failures == (
        f"jinja2 3.1.6 in dev is under {licence or 'no licence that it names'}",
    )


def test_an_exception_does_not_hold_for_another_licence_of_the_package() -> None:
    verdict = licences_judged({Package("psycopg", "4.0"): "AGPL-3.0-only"})

    assert len(verdict.failures) == 2
    assert verdict.failures[1] == (
        "the exception for psycopg (LGPL-3.0-only) is not needed: remove it"
    )
