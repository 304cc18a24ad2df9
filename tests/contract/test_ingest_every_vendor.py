"""What holds at the door for every vendor that is built: forgeries, resends, other merchants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from tests.contract.wired_ingest import (
    APP_ID,
    ONE,
    TWO,
    Answer,
    WiredIngest,
    notification_url,
    source_id,
)
from tests.deliveries import VENDORS
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
# Any of these may be written by whoever stands between; the body and the URL say otherwise.
ROUTING = {
    "toast-restaurant-external-id": "M2",
    "x-shopify-shop-domain": "M2",
    "x-tenant-id": TWO.tenant_id,
    "x-merchant-id": "M2",
    "square-merchant-id": "M2",
    "stripe-account": "M2",
    "x-forwarded-host": "M2.example.com",
}

COUNTED = ("accepted", "duplicates", "queued", "quarantined")

every_vendor = pytest.mark.parametrize("name", VENDORS)
every_app = pytest.mark.parametrize(
    "name", [name for name in VENDORS if PROVIDERS[name].signs_merchant]
)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ingest(clock: time_machine.Traveller) -> WiredIngest:
    clock.move_to(START)
    return WiredIngest()


def delivered(
    name: str, *, endpoint_id: str | None = None, url: str | None = None, **asked: object
) -> tuple[bytes, dict[str, str]]:
    """Give a delivery to the vendor's source, or to another endpoint, sent now."""
    url = url or notification_url(name, endpoint_id or source_id(name))
    sent = {"sent_at": datetime.now(UTC), **asked}
    return VENDORS[name].delivery(url=url, **sent)  # type: ignore[arg-type]  # Its own words.


def counts(answer: Answer) -> tuple[object, ...]:
    """Give what became of the items, as it is logged: not every vendor is told."""
    assert answer.status == 200, answer.text
    told = {name: answer.logged[name] for name in COUNTED}
    if answer.headers["Content-Type"] == "application/json":
        assert told.items() <= answer.json.items()
    return tuple(told.values())


def reasons(ingest: WiredIngest) -> list[str]:
    return [item.reason.value for item in ingest.quarantine.items]


def test_every_vendor_is_here() -> None:
    assert set(VENDORS) == set(PROVIDERS)


@every_vendor
def test_a_signed_delivery_is_stored_under_its_vendor(ingest: WiredIngest, name: str) -> None:
    assert counts(ingest.hook(name, *delivered(name))) == (1, 0, 0, 0)

    [(tenant_id, key)] = ingest.events.events
    assert tenant_id == ONE.tenant_id
    assert key.startswith(f"{name}:")


@every_vendor
def test_a_resend_days_later_is_a_duplicate(
    ingest: WiredIngest, clock: time_machine.Traveller, name: str
) -> None:
    ingest.hook(name, *delivered(name))
    for n in (2, 3, 4):
        clock.shift(timedelta(days=n))
        assert counts(ingest.hook(name, *delivered(name, n=n))) == (0, 1, 0, 0)

    assert (len(ingest.events.events), reasons(ingest)) == (1, [])


@every_vendor
@pytest.mark.parametrize("days", [-30, 30])
def test_what_was_sent_at_another_time_is_refused_where_that_is_signed(
    ingest: WiredIngest, name: str, days: int
) -> None:
    sent_at = START + timedelta(days=days)
    answer = ingest.hook(name, *delivered(name, sent_at=sent_at))

    assert answer.status == (401 if VENDORS[name].signs_sending else 200)


def forgeries(name: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Give every delivery of a vendor's that is not what its source's vendor signed."""
    vendor = VENDORS[name]
    sent = body, headers = delivered(name)
    forged = {
        "no signature": vendor.resigned(sent, lambda _: None),
        "an empty one": vendor.resigned(sent, lambda _: ""),
        "a malformed one": vendor.resigned(sent, lambda _: "\ud800,=;"),
        "a shorter one": vendor.resigned(sent, lambda value: value[:-5]),
        "another algorithm": vendor.resigned(sent, vendor.other_algorithm),
        "another secret": delivered(name, secret=vendor.another_secret),
    }
    if vendor.signs_body:
        # Its last digit or letter: still a body that can be read.
        at = max(place for place, byte in enumerate(body) if chr(byte).isalnum())
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        forged["one byte changed"] = (changed, headers)
    if vendor.signs_body and vendor.merchant is not None:
        forged["another merchant's body"] = (delivered(name, merchant="M2", key="e-2")[0], headers)
    if vendor.signs_url:
        forged["another URL"] = delivered(name, url=notification_url(name, APP_ID))
    return forged


@every_vendor
def test_every_forgery_is_401_and_kept(ingest: WiredIngest, name: str) -> None:
    forged = forgeries(name)
    answers = {what: ingest.hook(name, *sent) for what, sent in forged.items()}

    assert {what: answer.status for what, answer in answers.items()} == dict.fromkeys(forged, 401)
    assert reasons(ingest) == ["signature-refused"] * len(forged)
    assert not ingest.events.events


@every_vendor
def test_another_vendor_s_delivery_is_401(ingest: WiredIngest, name: str) -> None:
    statuses = {
        other: ingest.hook(other, *delivered(name)).status for other in VENDORS if other != name
    }

    assert set(statuses.values()) == {401}
    assert not ingest.events.events


@every_vendor
def test_another_merchant_s_event_is_set_aside_on_a_source_s_url(
    ingest: WiredIngest, name: str
) -> None:
    answer = ingest.hook(name, *delivered(name, merchant="M2"))

    names_one = VENDORS[name].merchant is not None
    assert counts(answer) == ((0, 0, 0, 1) if names_one else (1, 0, 0, 0))
    assert reasons(ingest) == (["merchant-mismatch"] if names_one else [])
    assert {tenant_id for tenant_id, _ in ingest.events.events} <= {ONE.tenant_id}


@every_vendor
def test_no_unsigned_header_leads_to_another_tenant(ingest: WiredIngest, name: str) -> None:
    body, headers = delivered(name)
    counts(ingest.hook(name, body, headers | ROUTING))

    assert {tenant_id for tenant_id, _ in ingest.events.events} <= {ONE.tenant_id}
    assert {item.tenant_id for item in ingest.quarantine.items} <= {ONE.tenant_id}


@every_app
def test_on_an_app_s_url_the_signed_merchant_chooses_whatever_headers_say(
    ingest: WiredIngest, name: str
) -> None:
    for merchant in ("M1", "M2"):
        body, headers = delivered(name, endpoint_id=APP_ID, merchant=merchant, key=merchant)
        answer = ingest.hook(name, body, headers | ROUTING, endpoint_id=APP_ID)
        assert counts(answer) == (1, 0, 0, 0)

    assert [tenant_id for tenant_id, _ in ingest.events.events] == [ONE.tenant_id, TWO.tenant_id]


@every_app
def test_on_an_app_s_url_a_merchant_nobody_knows_is_set_aside(
    ingest: WiredIngest, name: str
) -> None:
    sent = delivered(name, endpoint_id=APP_ID, merchant="M9")

    assert counts(ingest.hook(name, *sent, endpoint_id=APP_ID)) == (0, 0, 0, 1)
    assert reasons(ingest) == ["merchant-unknown"]


@every_vendor
def test_a_body_may_come_over_base64_encoded(ingest: WiredIngest, name: str) -> None:
    sent = delivered(name)

    assert counts(ingest.hook(name, *sent, is_base64=True)) == (1, 0, 0, 0)
    assert counts(ingest.hook(name, *sent)) == (0, 1, 0, 0)
