"""What all simulated vendors have in common, and what each changes when it sends again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from ops.simulators import SIMULATORS
from ops.simulators.rules import rules_of
from tillgate.domain.provider import HookRequest
from tillgate.providers import PROVIDERS
from tillgate.services.hook_items import readable_items

if TYPE_CHECKING:
    from ops.simulators.simulator import Delivery, Simulator

URL = "https://pos.example.com/v1/hooks/x/1"
AT = datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=UTC)
LATER = AT + timedelta(hours=3)
EVERY_VENDOR = pytest.mark.parametrize(
    "simulator", [pytest.param(found, id=name) for name, found in SIMULATORS.items()]
)
KNOWN_TO_TILLGATE = pytest.mark.parametrize(
    "simulator", [pytest.param(SIMULATORS[name], id=name) for name in PROVIDERS]
)


def merchants_of(simulator: Simulator, *numbers: int) -> list[str]:
    ids = [simulator.merchant_id(number) for number in numbers or (1,)]
    return [name for name in ids if name is not None]


def sent(
    simulator: Simulator, secret: str = "", *, key: str = "k-1", amount: int = 1250
) -> Delivery:
    return simulator.delivery(
        secret=secret or simulator.new_secret(), notification_url=URL,
        merchants=merchants_of(simulator), key=key, at=AT, amount=amount,
    )  # fmt: skip


def seen(delivery: Delivery, *, at: datetime = AT) -> HookRequest:
    return HookRequest(
        body=delivery.body,
        headers={name.lower(): value for name, value in delivery.headers.items()},
        notification_url=URL,
        received_at=at,
    )


def test_all_ten_vendors_are_there() -> None:
    assert set(SIMULATORS) == {
        "square", "shopify", "toast", "clover", "lightspeed",
        "zettle", "sumup", "stripe", "adyen", "standard",
    }  # fmt: skip


@EVERY_VENDOR
def test_every_vendor_has_rules_of_retrying(simulator: Simulator) -> None:
    assert rules_of(simulator.name).documents.startswith("https://")


@KNOWN_TO_TILLGATE
def test_tillgate_verifies_it_and_reads_the_events_that_were_announced(
    simulator: Simulator,
) -> None:
    provider, secret = PROVIDERS[simulator.name], simulator.new_secret()
    request = seen(sent(simulator, secret))

    [item] = provider.split(request)
    [event] = sent(simulator, secret).events
    assert provider.verify(request, secret)
    assert not provider.verify(request, simulator.new_secret())
    assert (item.key, item.type, item.merchant_id) == (event.key, event.type, event.merchant_id)


@KNOWN_TO_TILLGATE
def test_tillgate_takes_another_attempt_for_the_same_event(simulator: Simulator) -> None:
    provider, secret = PROVIDERS[simulator.name], simulator.new_secret()
    first = sent(simulator, secret)
    again = simulator.resend(first, attempt=2, at=LATER)

    assert provider.verify(seen(again, at=LATER), secret)
    [[before], [after]] = provider.split(seen(first)), provider.split(seen(again))
    assert (after.key, after.identity) == (before.key, before.identity)


@KNOWN_TO_TILLGATE
def test_another_amount_under_the_same_key_is_another_event_to_tillgate(
    simulator: Simulator,
) -> None:
    provider = PROVIDERS[simulator.name]
    [one] = provider.split(seen(sent(simulator, amount=1250)))
    [other] = provider.split(seen(sent(simulator, amount=9950)))

    assert one.key == other.key
    assert (one.identity != other.identity) == simulator.tells_amount


@KNOWN_TO_TILLGATE
def test_tillgate_does_not_verify_what_is_unsigned(simulator: Simulator) -> None:
    secret = simulator.new_secret()
    request = seen(simulator.unsigned(sent(simulator, secret)))

    assert not PROVIDERS[simulator.name].verify(request, secret)


@EVERY_VENDOR
def test_two_secrets_sign_otherwise(simulator: Simulator) -> None:
    one, other = sent(simulator), sent(simulator)

    assert (one.body, one.headers) != (other.body, other.headers)
    assert one.secret not in repr(one)


@EVERY_VENDOR
def test_unsigned_is_the_same_less_the_signature(simulator: Simulator) -> None:
    signed = sent(simulator)
    bare = simulator.unsigned(signed)

    assert bare.events == signed.events
    assert len(bare.body) + sum(map(len, bare.headers.values())) < len(signed.body) + sum(
        map(len, signed.headers.values())
    )


@EVERY_VENDOR
def test_a_marker_stands_in_the_event_and_makes_its_key_another(simulator: Simulator) -> None:
    marked = simulator.delivery(
        secret=simulator.new_secret(), notification_url=URL, at=AT,
        merchants=merchants_of(simulator), key="k-1", marker="onboarding-7f3a",
    )  # fmt: skip

    assert b"onboarding-7f3a" in marked.body
    assert marked.events[0].key != sent(simulator).events[0].key


@EVERY_VENDOR
def test_padding_makes_a_body_as_large_as_was_asked_for(simulator: Simulator) -> None:
    large = simulator.delivery(
        secret=simulator.new_secret(), notification_url=URL, at=AT,
        merchants=merchants_of(simulator), key="k-1", padding_bytes=600_000,
    )  # fmt: skip

    assert 600_000 <= len(large.body) < 602_000


@EVERY_VENDOR
def test_many_events_are_spread_over_the_merchants_where_a_delivery_holds_many(
    simulator: Simulator,
) -> None:
    def send(items: int) -> Delivery:
        return simulator.delivery(
            secret=simulator.new_secret(), notification_url=URL, at=AT,
            merchants=merchants_of(simulator, 1, 2), key="k-1", items=items,
        )  # fmt: skip

    if simulator.holds_many:
        events = send(3).events
        one, other = merchants_of(simulator, 1, 2)
        assert [event.merchant_id for event in events] == [one, other, one]
        assert len({event.key for event in events}) == 3
    else:
        with pytest.raises(ValueError, match="does not hold 3"):
            send(3)


@EVERY_VENDOR
def test_who_names_merchants_is_given_one(simulator: Simulator) -> None:
    if simulator.merchant_example is None:
        assert sent(simulator).events[0].merchant_id is None
        return
    with pytest.raises(ValueError, match="names a merchant"):
        simulator.delivery(
            secret=simulator.new_secret(), notification_url=URL, merchants=[], key="k", at=AT
        )


@pytest.mark.parametrize(
    "name", ["square", "shopify", "clover", "lightspeed", "zettle", "sumup", "adyen"]
)
def test_most_vendors_send_the_same_again(name: str) -> None:
    first = sent(SIMULATORS[name])

    assert SIMULATORS[name].resend(first, attempt=3, at=LATER) == first


def test_stripe_signs_anew_and_has_fewer_pending() -> None:
    first = sent(SIMULATORS["stripe"])
    again = SIMULATORS["stripe"].resend(first, attempt=2, at=LATER)

    before, after = json.loads(first.body), json.loads(again.body)
    assert (before.pop("pending_webhooks"), after.pop("pending_webhooks")) == (2, 1)
    assert before == after
    assert again.headers["Stripe-Signature"].startswith(f"t={int(LATER.timestamp())},")


def test_standard_webhooks_signs_anew_under_the_same_id() -> None:
    first = sent(SIMULATORS["standard"])
    again = SIMULATORS["standard"].resend(first, attempt=2, at=LATER)

    assert again.headers["webhook-id"] == first.headers["webhook-id"]
    assert again.headers["webhook-timestamp"] == str(int(LATER.timestamp()))
    assert again.headers["webhook-signature"] != first.headers["webhook-signature"]
    assert again.body == first.body


def test_toast_counts_its_attempts() -> None:
    first = sent(SIMULATORS["toast"])
    again = SIMULATORS["toast"].resend(first, attempt=3, at=LATER)

    assert first.headers["Toast-Attempt-Number"] == "1"
    assert {**first.headers, "Toast-Attempt-Number": "3"} == again.headers
    assert again.body == first.body


def test_an_event_can_be_older_than_its_sending() -> None:
    late = SIMULATORS["stripe"].delivery(
        secret="whsec_s", notification_url=URL, merchants=["acct_1"], key="k", at=AT, sent_at=LATER
    )

    assert json.loads(late.body)["created"] == int(AT.timestamp())
    assert late.headers["Stripe-Signature"].startswith(f"t={int(LATER.timestamp())},")


def test_lightspeed_s_key_is_the_shop_and_what_tells_one_change_from_another() -> None:
    delivery = sent(SIMULATORS["lightspeed"], "s")

    # printf 'sale.update:k-1:1795428000500' | sha256sum
    [event] = delivery.events
    assert event.key == (
        "democoffee1:e8160eb5817412ad1ef45ac9045f19434b9529078a29eb0612cb5281d9af6545"
    )
    form = parse_qs(delivery.body.decode())
    assert json.loads(form["payload"][0])["version"] == 1_795_428_000_500
    assert form["type"] == ["sale.update"]


def test_adyen_s_key_is_made_of_what_names_the_event() -> None:
    [event] = sent(SIMULATORS["adyen"]).events

    assert event.key == "k-1:AUTHORISATION:true:2026-11-23T10:00:00+00:00"


def test_clover_s_key_is_made_of_what_names_the_change() -> None:
    [event] = sent(SIMULATORS["clover"]).events

    assert event.key == "DEMOAPP:CLDEMO0000001:O:k-1:CREATE:1795428000500"


def test_clover_shakes_hands_with_a_code_and_zettle_with_an_object() -> None:
    shaken = {name: simulator.handshake() for name, simulator in SIMULATORS.items()}

    assert {name for name, handshake in shaken.items() if handshake} == {"clover", "zettle"}
    clover, zettle = shaken["clover"], shaken["zettle"]
    assert clover
    assert json.loads(clover.body) == {"verificationCode": clover.code}
    assert zettle
    assert zettle.code is None
    assert json.loads(zettle.body)["eventName"] == "TestMessage"
    assert json.loads(zettle.body)["payload"] == {"data": "payload"}


@EVERY_VENDOR
def test_a_broken_delivery_announces_nothing_and_is_signed(simulator: Simulator) -> None:
    secret = simulator.new_secret()
    broken = simulator.broken(
        secret=secret, notification_url=URL, merchants=merchants_of(simulator), key="k", at=AT
    )

    whole = sent(simulator, secret, key="k")
    assert broken.events == ()
    assert broken.body != whole.body
    assert broken.headers.keys() == whole.headers.keys()


@KNOWN_TO_TILLGATE
def test_tillgate_verifies_a_broken_delivery_and_finds_nothing_in_it(simulator: Simulator) -> None:
    provider, secret = PROVIDERS[simulator.name], simulator.new_secret()
    request = seen(
        simulator.broken(
            secret=secret, notification_url=URL, merchants=merchants_of(simulator), key="k", at=AT
        )
    )

    assert provider.verify(request, secret)
    readable, unreadable, *_ = readable_items(provider, request)
    assert (readable, unreadable) == ([], 1)
