"""W3C Trace Context, case by case: https://www.w3.org/TR/trace-context/."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.domain.trace import MAX_STATE_LENGTH, Trace, parsed, trace_of

ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{ID}-{SPAN}-01"
NEW = "f" * 32
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def of(
    traceparent: str | None = None, tracestate: str | None = None, *, xray: str | None = None
) -> Trace:
    return trace_of(traceparent, tracestate, xray=xray, new_id=lambda: NEW)


def test_a_caller_s_trace_is_gone_on_with() -> None:
    assert parsed(GOOD) == Trace(ID, "01")


@pytest.mark.parametrize(
    "header",
    [
        f"ff-{ID}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        GOOD.upper(),
        f"00-{ID.upper()}-{SPAN}-01",
        f"00-{ID}-{SPAN.upper()}-01",
        f"00-{ID}-{SPAN}-0A",
        f"0-{ID}-{SPAN}-01",
        f"00-{ID[1:]}-{SPAN}-01",
        f"00-{ID}0-{SPAN}-01",
        f"00-{ID}-{SPAN}-1",
        f"00-{ID}-{SPAN}",
        f"00-{ID}-{SPAN}-",
        f"00-{ID}-{SPAN}-01-",
        f"00-{ID}-{SPAN}-01-more",
        f"00-{ID}-{SPAN}-01 ",
        f" {GOOD}",
        f"{GOOD}\n",
        f"{GOOD},{GOOD}",
        f"01-{ID}-{SPAN}-01more",
        f"00_{ID}_{SPAN}_01",
        f"00-{chr(0x0660) * 32}-{SPAN}-01",
        "",
        "-",
    ],
)
def test_what_is_no_traceparent_begins_another_trace(header: str) -> None:
    assert parsed(header) is None
    assert of(header) == Trace(NEW)


@pytest.mark.parametrize("header", [f"01-{ID}-{SPAN}-01", f"fe-{ID}-{SPAN}-01-more-of-it"])
def test_a_later_version_is_read_as_far_as_it_is_known(header: str) -> None:
    trace = parsed(header)

    assert trace == Trace(ID, "01")
    assert trace.traceparent(SPAN) == GOOD


@pytest.mark.parametrize(
    ("flags", "passed_on"), [("00", "00"), ("01", "01"), ("03", "03"), ("ff", "03"), ("fc", "00")]
)
def test_flags_that_nobody_knows_are_not_passed_on(flags: str, passed_on: str) -> None:
    assert parsed(f"00-{ID}-{SPAN}-{flags}") == Trace(ID, passed_on)


@pytest.mark.parametrize(
    "state",
    [
        "rojo=00f067aa0ba902b7",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "fw529a3039@dt=FfAx_AcHA, a/b*c_d-e=x y",
        "a=1,,b=2",
        "a=" + "x" * 256,
        ",".join(f"k{n}=v" for n in range(32)),
    ],
)
def test_a_state_is_passed_on_as_it_came(state: str) -> None:
    assert of(GOOD, state).state == state


@pytest.mark.parametrize(
    "state",
    [
        "",
        ",",
        "rojo",
        "=1",
        "a=",
        "A=1",
        "a b=1",
        "a=1=2",
        "a=b\r\nx-injected: 1",
        "a=é",
        "a=1,a=2",
        "a=" + "x" * 257,
        ",".join(f"k{n}=v" for n in range(33)),
        ",".join(f"key{n}=" + "v" * 30 for n in range(14)) + ",z=" + "v" * 20,
    ],
)
def test_a_state_that_is_not_well_formed_or_too_long_is_dropped_alone(state: str) -> None:
    assert of(GOOD, state) == Trace(ID, "01", "")


def test_as_much_state_as_everybody_has_to_pass_on_is() -> None:
    longest = ("a=" + "x" * 253 + ",b=" + "y" * 253).ljust(MAX_STATE_LENGTH, "z")

    assert of(GOOD, longest).state == longest
    assert of(GOOD, longest + "z").state == ""


def test_a_state_without_its_parent_means_nothing() -> None:
    assert of(None, "a=1") == Trace(NEW)
    assert of(GOOD.upper(), "a=1") == Trace(NEW)


def test_x_ray_s_root_has_the_same_digits() -> None:
    assert of(xray=XRAY) == Trace("5759e988bd862e3fe1be46a994272793", "01")
    assert of(xray=XRAY.replace("Sampled=1", "Sampled=0")).flags == "00"
    assert of(xray=XRAY.partition(";")[0]).flags == "00"
    assert of(xray=f"Sampled=1;{XRAY.partition(';')[0]}").flags == "01"


def test_a_load_balancer_s_own_part_is_passed_over() -> None:
    forwarded = f"Self=1-67891234-12456789abcdef012345678a;{XRAY}"

    assert of(xray=forwarded).trace_id == "5759e988bd862e3fe1be46a994272793"


@pytest.mark.parametrize(
    "xray",
    [
        "",
        "Root=",
        "Root=1-5759e988-bd862e3fe1be46a99427279",
        "Root=1-5759E988-bd862e3fe1be46a994272793",
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        f"Root=1-{'0' * 8}-{'0' * 24}",
        "NotRoot=1-5759e988-bd862e3fe1be46a994272793",
        "Root=1-5759e988-bd862e3fe1be46a994272793x",
    ],
)
def test_what_is_no_root_begins_another_trace(xray: str) -> None:
    assert of(xray=xray) == Trace(NEW)


def test_the_caller_s_trace_goes_before_x_ray_s() -> None:
    assert of(GOOD, xray=XRAY).trace_id == ID
    assert of(GOOD.upper(), xray=XRAY).trace_id == "5759e988bd862e3fe1be46a994272793"


@given(st.text(), st.text(), st.text())
def test_whatever_is_sent_what_is_passed_on_is_well_formed(
    parent: str, state: str, xray: str
) -> None:
    trace = of(parent, state, xray=xray)

    assert parsed(trace.traceparent(SPAN)) is not None
    assert re.fullmatch(r"[ -~\t]*", trace.state)
