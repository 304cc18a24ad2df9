"""How each vendor delivers: how long it waits, what it sends again and when, when it gives up.

Data for the simulators. It stands here and not in ``tillgate.providers``, because nothing
that Tillgate answers may depend on it, and because vendors are simulated whose wire format
Tillgate does not understand yet.

Numbers are the vendors' own, from the page named. Where a vendor's pages disagree, or leave
something open, the reading is taken under which more is lost, and is said beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3_600, 86_400
ANY_FAILURE = frozenset(range(300, 600))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """So many errors in so long pause a subscription; so many pauses in so long stop it.

    An error counts for the whole of ``errors_within_seconds``, before a pause and after it.
    """

    errors: int
    errors_within_seconds: int
    pause_seconds: int
    pauses: int
    pauses_within_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """What a vendor does with a delivery that was not answered 2xx in time.

    ``answer_seconds`` is None where no deadline is published. ``resent`` are the statuses
    after which it is sent again; after no answer in time it always is. ``delays_seconds``
    are counted from the attempt before. What is due while the subscription is paused or
    ended is not sent, then or later.
    """

    documents: str
    answer_seconds: int | None
    delays_seconds: tuple[int, ...]
    resent: frozenset[int] = ANY_FAILURE
    pausing: Pausing | None = None
    # One delivery that failed to its last attempt ends the subscription.
    ends_when_exhausted: bool = False
    # So long without any 2xx, while there was something to send, ends it.
    ends_after_silent_seconds: int | None = None


VENDOR_RULES: dict[str, RetryRules] = {
    # Retries run for 24 or 72 hours, by the page; 24 taken.
    "square": RetryRules(
        documents="https://developer.squareup.com/docs/webhooks-api/delivery-sla",
        answer_seconds=10,
        delays_seconds=(*(MINUTE * 2**n for n in range(6)), *[HOUR] * 22),
        ends_after_silent_seconds=21 * DAY,
    ),
    # Eight, exponential, over four hours; when exactly is not published. Doubling fills them.
    "shopify": RetryRules(
        documents="https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        answer_seconds=5,
        delays_seconds=tuple(56 * 2**n for n in range(8)),
        ends_when_exhausted=True,
    ),
    # Whether what a pause holds back is sent after it is left open, and whether a pause
    # forgets the errors before it: no, and no.
    "toast": RetryRules(
        documents="https://doc.toasttab.com/doc/devguide/apiRetrySupport.html",
        answer_seconds=2,
        delays_seconds=(5 * MINUTE, 10 * MINUTE),
        resent=frozenset({404, 429, *range(500, 600)}),
        pausing=Pausing(
            errors=50,
            errors_within_seconds=5 * MINUTE,
            pause_seconds=MINUTE,
            pauses=9,
            pauses_within_seconds=10 * MINUTE,
        ),
    ),
    # "Does not guarantee when, or if": none.
    "clover": RetryRules(
        documents="https://docs.clover.com/docs/webhooks",
        answer_seconds=None,
        delays_seconds=(),
    ),
    # Twenty over 48 hours; when exactly is not published. Doubling, then evenly.
    "lightspeed": RetryRules(
        documents="https://x-series-api.lightspeedhq.com/docs/webhooks",
        answer_seconds=5,
        delays_seconds=(*(MINUTE * 2**n for n in range(8)), *[216 * MINUTE] * 12),
    ),
    "zettle": RetryRules(
        documents="https://developer.zettle.com/docs/api/pusher/overview",
        answer_seconds=10,
        delays_seconds=(*[MINUTE] * 10, *[10 * MINUTE] * 9, *[HOUR] * 68),
        ends_when_exhausted=True,
    ),
    # Four by these delays, or nine by an exponential back-off; four taken.
    "sumup": RetryRules(
        documents="https://developer.sumup.com/online-payments/introduction/webhooks",
        answer_seconds=None,
        delays_seconds=(MINUTE, 5 * MINUTE, 20 * MINUTE, 2 * HOUR),
    ),
    # Exponential for three days; when exactly is not published. Doubling from an hour.
    "stripe": RetryRules(
        documents="https://docs.stripe.com/webhooks#event-delivery-behaviors",
        answer_seconds=None,
        delays_seconds=tuple(HOUR * 2**n for n in range(6)),
    ),
    # Three at once or after 9, 18 and 27 s, by the page; then its queue, up to 30 days.
    "adyen": RetryRules(
        documents="https://docs.adyen.com/development-resources/webhooks/troubleshoot",
        answer_seconds=10,
        delays_seconds=(
            *(9, 18, 27),
            *(n * MINUTE for n in (2, 5, 10, 15, 30, 60, 120, 240)),
            *[8 * HOUR] * 88,
        ),
    ),
    # The specification leaves it to the sender; these are those of the one that wrote it.
    "standard": RetryRules(
        documents="https://docs.svix.com/retries",
        answer_seconds=15,
        delays_seconds=(5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR),
        ends_after_silent_seconds=5 * DAY,
    ),
}
