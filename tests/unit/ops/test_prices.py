from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ops.prices import PriceTable, UnknownPriceError, parse, price_table

# What was remembered, and found nowhere.
UNCHECKED = {"rds_proxy"}


def price(**changes: object) -> dict[str, Any]:
    return {
        "key": "k", "service": "s", "what": "w", "unit": "u",
        "tiers": [{"up_to": "100", "usd": "2"}, {"up_to": None, "usd": "1"}],
        "source": "https://aws.example/pricing", "checked": True,
        "confirmed_by": "https://page.example", "note": "", **changes,
    }  # fmt: skip


def table(*prices: dict[str, Any]) -> PriceTable:
    given = {"as_of": "2026-11-23", "region": "us-east-1", "currency": "USD"}
    return parse(json.dumps({**given, "prices": prices}))


def test_table_is_dated_and_of_one_region() -> None:
    assert price_table().region == "us-east-1"
    assert price_table().as_of >= date(2026, 11, 23)


def test_every_price_names_the_page_that_decides_and_the_one_that_confirms() -> None:
    for each in price_table().prices:
        assert each.source.startswith("https://aws.amazon.com/")
        assert each.checked is bool(each.confirmed_by)


def test_unchecked_prices_are_known() -> None:
    assert set(price_table().unchecked) == UNCHECKED


@pytest.mark.parametrize(
    ("key", "unit", "usd"),
    [
        ("lambda_gb_second", "GB-second", "0.0000133334"),
        ("lambda_request", "request", "0.0000002"),
        ("http_api_request", "request", "0.000001"),
        ("sqs_request", "request", "0.0000004"),
        ("aurora_acu", "ACU-hour", "0.12"),
        ("aurora_storage", "GB-month", "0.10"),
        ("aurora_io", "I/O", "0.0000002"),
        ("metric", "metric-month", "0.30"),
        ("alarm", "metric-month", "0.10"),
        ("dashboard", "dashboard-month", "3"),
        ("logs_ingest", "GB", "0.50"),
        ("secret", "secret-month", "0.40"),
        ("rds_proxy", "ACU-hour", "0.015"),
    ],
)
def test_prices_that_the_design_rests_on(key: str, unit: str, usd: str) -> None:
    assert (price_table()[key].unit, price_table()[key].first_usd) == (unit, Decimal(usd))


def test_amounts_are_the_decimals_that_are_written() -> None:
    assert str(price_table()["lambda_gb_second"].first_usd) == "0.0000133334"
    assert table(price(tiers=[{"up_to": None, "usd": 0.1}]))["k"].first_usd == Decimal("0.1")


@pytest.mark.parametrize(
    ("quantity", "usd"), [("0", "0"), ("99", "198"), ("100", "200"), ("101", "201"), ("250", "350")]
)
def test_each_part_costs_what_its_tier_says(quantity: str, usd: str) -> None:
    assert table(price())["k"].cost(Decimal(quantity)) == Decimal(usd)


def test_sixty_terabytes_of_logs_cost_what_the_page_says() -> None:
    assert price_table()["logs_ingest"].cost(Decimal(60_000)) == 12_500


@given(st.decimals(0, 10**12, places=3), st.decimals(0, 10**12, places=3))
def test_more_never_costs_less(some: Decimal, more: Decimal) -> None:
    for each in price_table().prices:
        assert each.cost(some) <= each.cost(some + more)


def test_less_than_nothing_has_no_price() -> None:
    with pytest.raises(ValueError, match="below zero"):
        table(price())["k"].cost(Decimal(-1))


def test_an_unknown_price_is_named() -> None:
    with pytest.raises(UnknownPriceError, match="free_lunch"):
        price_table()["free_lunch"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([price(tiers=[])], "at least 1 item"),
        ([price(tiers=[{"up_to": "1", "usd": "1"}])], "has no end"),
        ([price(tiers=[{"up_to": None, "usd": "1"}] * 2)], "has no end"),
        (
            [price(tiers=[{"up_to": end, "usd": "1"} for end in ("2", "1", None)])],
            "rising order",
        ),
        ([price(tiers=[{"up_to": None, "usd": "-1"}])], "greater than or equal to 0"),
        ([price(checked=False)], "checked is what a page confirms"),
        ([price(confirmed_by="")], "checked is what a page confirms"),
        ([price(source="a page")], "String should match"),
        ([price(colour="red")], "Extra inputs"),
        ([price(), price()], "priced twice: k"),
    ],
)
def test_a_wrong_table_is_not_read(wrong: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        table(*wrong)
