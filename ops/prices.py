"""What AWS asks for what we use: ``prices.json``, dated, each price with where it is from.

List prices on demand, without free tiers, discounts and taxes. Money is decimal throughout.
"""

from __future__ import annotations

import json
from datetime import date  # noqa: TC003  pydantic reads the annotations.
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_TABLE = Path(__file__).with_name("prices.json")


class UnknownPriceError(KeyError):
    """The table has no price of this name."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(_Strict):
    """``usd`` for each unit up to so many a month; the last tier has no end."""

    up_to: Decimal | None
    usd: Decimal = Field(ge=0)


class Price(_Strict):
    """``unit`` is what one ``usd`` buys.

    ``source`` is the page that decides. ``checked`` says that what stands here was found
    written down, at ``confirmed_by``, and not only remembered.
    """

    key: str = Field(min_length=1)
    service: str = Field(min_length=1)
    what: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    tiers: tuple[Tier, ...] = Field(min_length=1)
    source: str = Field(pattern="^https://")
    checked: bool
    confirmed_by: str
    note: str

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        ends = [tier.up_to for tier in self.tiers]
        bounds = [end for end in ends if end is not None]
        if ends[-1] is not None or len(bounds) != len(ends) - 1:
            raise ValueError(f"{self.key}: the last tier, and no other, has no end")
        if bounds != sorted(set(bounds)) or any(bound <= 0 for bound in bounds):
            raise ValueError(f"{self.key}: tiers end in rising order")
        if self.checked is not self.confirmed_by.startswith("https://"):
            raise ValueError(f"{self.key}: checked is what a page confirms")
        return self

    @property
    def first_usd(self) -> Decimal:
        """Give what the first unit of a month costs."""
        return self.tiers[0].usd

    def cost(self, quantity: Decimal) -> Decimal:
        """Give the dollars for so much in one month, each part by its tier.

        Raises ValueError for less than nothing.
        """
        if quantity < 0:
            raise ValueError(f"{self.key}: no quantity is below zero, as {quantity} is")
        dollars, reached = Decimal(0), Decimal(0)
        for tier in self.tiers:
            end = quantity if tier.up_to is None else min(quantity, tier.up_to)
            dollars += (end - reached) * tier.usd
            reached = end
        return dollars


class PriceTable(_Strict):
    """The prices of one region on one day."""

    as_of: date
    region: str
    currency: str = Field(pattern="^USD$")
    prices: tuple[Price, ...]

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        keys = [price.key for price in self.prices]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"priced twice: {', '.join(twice)}")
        return self

    def __getitem__(self, key: str) -> Price:
        for price in self.prices:
            if price.key == key:
                return price
        raise UnknownPriceError(key)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Name the prices that nobody found written down."""
        return tuple(price.key for price in self.prices if not price.checked)


def parse(text: str) -> PriceTable:
    """Read a table; raises pydantic's ValidationError with what is wrong in it."""
    # Amounts as text: what went through a float would not be the price any more.
    return PriceTable.model_validate(json.loads(text, parse_float=Decimal))


@cache
def price_table() -> PriceTable:
    """Read the table that is shipped with this."""
    return parse(_TABLE.read_text(encoding="utf-8"))
