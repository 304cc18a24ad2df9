"""Bills added up by hand, and what holds of every bill.

A month has 2,628,000 seconds, 43,800 minutes and 730 hours.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cost import Bill, FixedSplit, Group, Line, Nature, Share, Switches, Usage, bill
from ops.prices import price_table

MILLION = Decimal(10**6)
USAGE = Usage(
    events=100 * MILLION,
    events_per_request=Decimal(2),
    event_bytes=Decimal(1000),
    answer_bytes=Decimal(400),
    ingest_ms=Decimal(10),
    accept_ms=Decimal(50),
    deliver_ms=Decimal(200),
    sweep_ms=Decimal(50_000),
    memory_mb=Decimal(512),
    retries_per_delivery=Decimal("0.25"),
    events_per_message=Decimal(5),
    queued_share=Decimal("0.1"),
    cold_share=Decimal("0.01"),
    database_ms=Decimal("2.628"),
    io=Decimal("1.5"),
    stored_bytes=Decimal(2000),
    request_log_bytes=Decimal(1000),
    delivery_log_bytes=Decimal(200),
)
SWITCHES = Switches(
    event_days=Decimal("36.5"),
    log_days=Decimal("60.8333333333333333333333333333"),
    busy_share=Decimal("0.5"),
    tenants=Decimal(10),
    metrics_per_tenant=Decimal(3),
    is_proxied=True,
)
NOTHING = replace(USAGE, events=Decimal(0))


def lines(usage: Usage = USAGE, switches: Switches = SWITCHES) -> dict[str, Line]:
    return {line.name: line for line in bill(usage, switches, price_table()).lines}


@pytest.mark.parametrize(
    ("name", "quantity", "usd"),
    [
        # 100 M events, two a call: 50 M calls of 2,000 B.
        ("HTTP API calls", "50000000", "50"),
        # 50 M x 10 ms x 0.5 GB
        ("ingest: time", "250000", "3.33335"),
        ("ingest: calls", "50000000", "10"),
        # A tenth of 50 M, ten in a batch: 500,000 x 50 ms x 0.5 GB
        ("accept: time", "12500", "0.1666675"),
        ("accept: calls", "500000", "0.1"),
        # 125 M tries, five in a message, ten of those in a batch: 2.5 M x 200 ms x 0.5 GB
        ("deliver: time", "250000", "3.33335"),
        ("deliver: calls", "2500000", "0.5"),
        # 43,800 x 50 s x 0.5 GB
        ("sweep: time", "1095000", "14.600073"),
        ("sweep: calls", "43800", "0.00876"),
        # 43,800 x 1 s x 0.5 GB
        ("watch: time", "21900", "0.29200146"),
        ("watch: calls", "43800", "0.00876"),
        # 3 functions x 5 versions x 0.5 GB x 2,628,000 s
        ("snapshots", "19710000", "29.655666"),
        # 1 % of 50 M x 0.5 GB
        ("snapshots restored", "250000", "34.94995"),
        # 3 queues x 5 polls each 20 s
        ("polls", "1971000", "0.7884"),
        # 25 M messages x 3 / 10, and 5 M fallen-back calls x 2.1
        ("messages", "18000000", "7.2"),
        ("fair queues", "18000000", "1.8"),
        # 0.5 ACU x 2 instances
        ("least capacity", "730", "87.6"),
        # 100 M x 2.628 ms = 0.1 vCPU; x 4 / 0.5 busy = 0.8 ACU; 0.3 above, on 2 instances
        ("capacity above it", "438", "52.56"),
        # 100 M x 2,000 B x 36.5 / 30.4166 days = 240 GB
        ("storage", "240", "24"),
        ("backups", "240", "5.04"),
        ("reads and writes", "150000000", "30"),
        ("proxy, least", "5840", "87.6"),
        ("proxy, above it", "0", "0"),
        # 50 M x 1,000 B and 125 M x 200 B
        ("log data", "75", "37.5"),
        ("logs kept", "150", "4.5"),
        # 2,628,000 and 5 % of the other 47,372,000
        ("traces", "4996600", "24.983"),
        # 40 and 7 routes x 6
        ("platform metrics", "82", "24.6"),
        ("tenant metrics", "30", "9"),
        ("alarms", "36", "3.6"),
        ("composite alarms", "2", "1"),
        ("dashboards", "2", "6"),
        # 50 M x 400 B, and 125 M x 1,000 B x 1.5
        ("to the internet", "207.5", "18.675"),
        ("endpoints", "2920", "29.2"),
        # 125 M ids x 60 B and 5 M calls x 2,000 B, both there and back
        ("through endpoints", "35", "0.35"),
        ("NAT gateway", "730", "32.85"),
        ("its address", "730", "3.65"),
        ("through it", "187.5", "8.4375"),
        ("to the database's zone", "50", "1"),
        ("secrets", "12", "4.8"),
        # 500,000 starts x 2
        ("secrets read", "1000000", "5"),
        ("rule", "43800", "0.0438"),
        ("registry snapshot", "43800", "0.01752"),
    ],
)
def test_line_is_what_it_comes_to_by_hand(name: str, quantity: str, usd: str) -> None:
    line = lines()[name]
    assert line.quantity.quantize(Decimal("1e-9")) == Decimal(quantity)
    assert line.usd.quantize(Decimal("1e-9")) == Decimal(usd)
    assert line.assumption


def test_every_line_is_added_up_by_hand_above() -> None:
    marks = test_line_is_what_it_comes_to_by_hand.pytestmark  # type: ignore[attr-defined]  # pytest sets it
    assert {case[0] for case in marks[0].args[1]} == lines().keys()


@pytest.mark.parametrize(
    ("events", "units"), [(524, 100), (525, 200)], ids=["512 KB", "a byte more than 512 KB"]
)
def test_calls_are_metered_by_512_kb(events: int, units: int) -> None:
    usage = replace(USAGE, events=Decimal(100 * events), events_per_request=Decimal(events))
    assert lines(usage)["HTTP API calls"].quantity == units


def test_a_queued_call_is_metered_by_64_kb() -> None:
    usage = replace(USAGE, events_per_request=Decimal(100), deliveries_per_event=Decimal(0))
    # 100 kB are two chunks, sent and received; 0.1 M calls of the 1 M.
    assert lines(usage)["messages"].quantity == Decimal(100_000) * Decimal("4.1")


def test_io_optimized_storage_has_no_line_for_reads_and_writes() -> None:
    found = lines(switches=replace(SWITCHES, is_io_optimized=True))
    assert "reads and writes" not in found
    assert found["storage"].usd == 240 * Decimal("0.225")
    assert found["least capacity"].usd == 730 * Decimal("0.156")


def test_an_external_database_brings_no_database_and_no_network_of_ours() -> None:
    sums = bill(USAGE, replace(SWITCHES, is_aurora=False), price_table()).by_group()
    assert sums[Group.DATABASE] == 0
    assert sums[Group.NETWORK] == Decimal("18.675")


@pytest.mark.parametrize(
    ("switches", "name"),
    [
        (replace(SWITCHES, is_traced=False), "traces"),
        (replace(SWITCHES, snap_start_functions=Decimal(0)), "snapshots"),
        (replace(SWITCHES, is_proxied=False), "proxy, least"),
    ],
    ids=["tracing", "SnapStart", "proxy"],
)
def test_what_is_switched_off_costs_nothing(switches: Switches, name: str) -> None:
    assert name not in lines(switches=switches)


def test_proxy_follows_the_writer_above_eight_acu() -> None:
    # Twenty times 0.8 ACU.
    usage = replace(USAGE, events=2000 * MILLION)
    assert lines(usage)["proxy, above it"].quantity == 8 * 730


def test_no_usage_costs_what_stands_there_anyway() -> None:
    idle = bill(NOTHING, SWITCHES, price_table())
    assert idle.total == idle.fixed == bill(USAGE, SWITCHES, price_table()).fixed
    assert {line.nature for line in idle.lines if line.usd} == {Nature.FIXED}
    assert idle.per_million is None


def test_dollars_per_million_are_the_total_over_the_events() -> None:
    month = bill(USAGE, SWITCHES, price_table())
    assert month.per_million == month.total / 100
    assert month.variable_per_million == (month.total - month.fixed) / 100


@given(
    events=st.integers(0, 10**11),
    more=st.integers(0, 10**11),
    batch=st.integers(1, 500),
    is_io_optimized=st.booleans(),
)
def test_more_events_never_cost_less(
    events: int, more: int, batch: int, *, is_io_optimized: bool
) -> None:
    switches = replace(SWITCHES, is_io_optimized=is_io_optimized)
    usage = replace(USAGE, events=Decimal(events), events_per_request=Decimal(batch))
    some = bill(usage, switches, price_table())
    many = bill(replace(usage, events=Decimal(events + more)), switches, price_table())
    for less, greater in zip(some.lines, many.lines, strict=True):
        assert less.usd <= greater.usd


@given(st.integers(0, 10**11))
def test_lines_and_groups_and_natures_sum_to_the_total(events: int) -> None:
    month = bill(replace(USAGE, events=Decimal(events)), SWITCHES, price_table())
    cent = Decimal("0.000001")
    assert sum((line.usd for line in month.lines), Decimal(0)).quantize(
        cent
    ) == month.total.quantize(cent)
    assert sum(month.by_group().values(), Decimal(0)).quantize(cent) == month.total.quantize(cent)


def small_bill() -> Bill:
    def line(usd: int, nature: Nature) -> Line:
        one = Decimal(1)
        return Line(
            group=Group.OTHER, name="n", quantity=one, unit="u", unit_usd=one,
            usd=Decimal(usd), nature=nature, assumption="a",
        )  # fmt: skip

    parts = ((60, Nature.FIXED), (100, Nature.EVENTS), (10, Nature.COMPUTE))
    return Bill(tuple(line(usd, nature) for usd, nature in parts), MILLION)


@pytest.mark.parametrize(
    ("fixed", "large", "small"),
    [
        (FixedSplit.EVENLY, 30 + 75 + 5, 30 + 25 + 5),
        (FixedSplit.BY_EVENTS, 45 + 75 + 5, 15 + 25 + 5),
    ],
)
def test_tenants_share_by_events_and_compute_and_the_rest_as_said(
    fixed: FixedSplit, large: int, small: int
) -> None:
    shares = {"large": Share(Decimal(3), Decimal(7)), "small": Share(Decimal(1), Decimal(7))}
    assert small_bill().by_tenant(shares, fixed=fixed) == {"large": large, "small": small}


def test_tenants_who_sent_nothing_share_evenly() -> None:
    idle = Share(Decimal(0), Decimal(0))
    shared = small_bill().by_tenant({"a": idle, "b": idle}, fixed=FixedSplit.BY_EVENTS)
    assert shared == {"a": 85, "b": 85}


def test_no_tenants_have_no_shares() -> None:
    assert small_bill().by_tenant({}) == {}


@given(
    st.dictionaries(
        st.text(max_size=3), st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1
    )
)
def test_shares_sum_to_the_total(amounts: dict[str, tuple[int, int]]) -> None:
    shares = {name: Share(Decimal(e), Decimal(c)) for name, (e, c) in amounts.items()}
    for split in FixedSplit:
        parts = bill(USAGE, SWITCHES, price_table()).by_tenant(shares, fixed=split)
        difference = sum(parts.values()) - bill(USAGE, SWITCHES, price_table()).total
        assert abs(difference) < Decimal("1e-9")
