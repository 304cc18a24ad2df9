"""The same at length: random traffic, three random outages, several seeds; kept as evidence."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

import pytest

from ops.evidence import Row, write_evidence
from tests.chaos.in_process import is_slow, play
from tests.chaos.simulated_vendor import foretell
from tillgate.domain.vendor_rules import HOUR, MINUTE
from tillgate.providers import PROVIDERS

SEEDS = (1, 2, 3)
MEAN_GAP_SECONDS = 2.0
SENT = 3_600


@dataclass(frozen=True, slots=True)
class Weather:
    """When messages are first sent, and when stores are out; by one seed."""

    first_sends: tuple[float, ...]
    outages: tuple[tuple[float, float], ...]

    def is_out(self, at: float) -> bool:
        return any(begin <= at < end for begin, end in self.outages)


def weather(seed: int) -> Weather:
    dice = random.Random(seed)  # noqa: S311  Weather, to be had again by its seed; no secret.
    gaps = (dice.expovariate(1 / MEAN_GAP_SECONDS) for _ in range(SENT))
    begins = (dice.uniform(0, 2 * HOUR) for _ in range(3))
    outages = tuple((begin, begin + dice.uniform(2 * MINUTE, 20 * MINUTE)) for begin in begins)
    return Weather(tuple(accumulate(gaps)), outages)


def without_the_database(vendor: str) -> list[Row]:
    """Tell what was lost, of all that was sent, while the queue was up."""
    lost = suffered = queued = refused = 0
    for seed in SEEDS:
        sky = weather(seed)
        played = play(vendor, sky.first_sends, is_out=sky.is_out, queue_is_up=True)
        subscription = played.sender.subscription
        lost += SENT - len(played.tillgate.stored())
        refused += sum(answer.status != 200 for _, answer in played.sender.answers)
        queued += len(played.tillgate.queue.messages)
        suffered += len(subscription.paused_at) + (subscription.ended_at is not None)
    raw = {"sent": SENT * len(SEEDS), "queued": queued, "seeds": SEEDS}
    name = f"{vendor}, database down"
    return [
        Row(f"{name}: lost", lost, "events", 0, lost == 0 < queued, raw),
        Row(f"{name}: not answered 200", refused, "calls", 0, refused == 0, raw),
        Row(f"{name}: subscription paused or ended", suffered, "times", 0, suffered == 0, raw),
    ]


def without_both_stores(vendor: str) -> list[Row]:
    """Tell what was lost though it was sent again, and what never was."""
    rules = PROVIDERS[vendor].retries
    differing = unsavable = failed = pauses = ended = 0
    for seed in SEEDS:
        sky = weather(seed)
        played = play(vendor, sky.first_sends, is_out=sky.is_out, queue_is_up=False)
        expected = foretell(rules, sky.first_sends, is_out=sky.is_out, is_slow=is_slow)
        differing += len(played.tillgate.stored() ^ expected.reached)
        unsavable += SENT - len(expected.reached)
        failed += sum(map(sky.is_out, sky.first_sends))
        pauses += len(played.sender.subscription.paused_at)
        ended += played.sender.subscription.ended_at is not None
    raw = {"sent": SENT * len(SEEDS), "first_sent_in_outage": failed, "pauses": pauses,
           "subscriptions_ended": ended, "seeds": SEEDS}  # fmt: skip
    name = f"{vendor}, both stores down"
    return [
        Row(f"{name}: lost though sent again", differing, "events", 0, differing == 0, raw),
        Row(f"{name}: never sent again", unsavable, "events", None, True, raw),
    ]


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_no_vendor_s_delivery_is_lost_that_could_be_saved() -> None:
    rows = [row for vendor in PROVIDERS for row in without_the_database(vendor)]
    rows += [row for vendor in PROVIDERS for row in without_both_stores(vendor)]

    write_evidence("vendor_retries", rows)
    assert [row.name for row in rows if not row.holds] == []
