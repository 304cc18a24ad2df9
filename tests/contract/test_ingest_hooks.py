"""``POST /v1/hooks/{provider}/{endpoint_id}``: the vendor's robot reads the status alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.wired_ingest import (
    APP_ID,
    IDLE,
    ONE,
    TWO,
    Answer,
    WiredIngest,
    notification_url,
    now,
    source_id,
)
from tests.strategies import ANY_TEXT
from tests.vendors import (
    SHOPIFY_SECRET,
    SQUARE_KEY,
    shopify_body,
    shopify_headers,
    square_body,
    square_headers,
    standard_body,
    standard_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HOOK_BODY_BYTES = 4 * 1024 * 1024


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def send_square(
    ingest: WiredIngest, body: bytes, *, endpoint_id: str | None = None, is_base64: bool = False
) -> Answer:
    url = notification_url("square", endpoint_id or source_id("square"))
    sent = square_headers(body, url=url)
    return ingest.hook("square", body, sent, endpoint_id=endpoint_id, is_base64=is_base64)


def send_shopify(ingest: WiredIngest) -> Answer:
    return ingest.hook("shopify", shopify_body(), shopify_headers(shopify_body()))


def send_standard(ingest: WiredIngest) -> Answer:
    body = standard_body()
    return ingest.hook("standard", body, standard_headers(body, sent_at=now()))


SENDERS: dict[str, Callable[[WiredIngest], Answer]] = {
    "square": lambda ingest: send_square(ingest, square_body()),
    "shopify": send_shopify,
    "standard": send_standard,
}
every_sender = pytest.mark.parametrize("send", SENDERS.values(), ids=SENDERS)


def counts(answer: Answer) -> tuple[int, int, int, int]:
    assert answer.status == 200
    assert answer.json.keys() == {"accepted", "duplicates", "queued", "quarantined", "rid"}
    assert answer.json["rid"] == answer.headers["X-Request-Id"]
    document = answer.json
    return (
        document["accepted"],
        document["duplicates"],
        document["queued"],
        document["quarantined"],
    )


def reasons(ingest: WiredIngest) -> list[str]:
    return [item.reason.value for item in ingest.quarantine.items]


@every_sender
def test_a_signed_delivery_is_200_and_its_resend_too(
    ingest: WiredIngest, send: Callable[[WiredIngest], Answer]
) -> None:
    assert counts(send(ingest)) == (1, 0, 0, 0)
    assert counts(send(ingest)) == (0, 1, 0, 0)
    assert len(ingest.events.events) == 1


@pytest.mark.parametrize("change", [str.upper, str.title, str.lower])
def test_header_names_may_be_written_in_any_case(
    ingest: WiredIngest, change: Callable[[str], str]
) -> None:
    body = standard_body()
    sent = standard_headers(body, sent_at=now())

    answer = ingest.hook("standard", body, {change(name): sent[name] for name in sent})

    assert counts(answer) == (1, 0, 0, 0)


@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_is_verified_by_the_bytes_that_were_sent(
    ingest: WiredIngest, *, is_base64: bool
) -> None:
    body = square_body("é-is-no-key").replace(b"\\u00e9", "é".encode())

    answer = send_square(ingest, body, is_base64=is_base64)

    assert counts(answer) == (0, 0, 0, 1)
    assert reasons(ingest) == ["unreadable"]
    assert ingest.quarantine.items[0].content == body


def test_a_content_type_is_not_asked_for(ingest: WiredIngest) -> None:
    body = square_body()
    sent = square_headers(body, url=notification_url("square", source_id("square")))

    assert ingest.hook("square", body, {**sent, "content-type": "text/plain"}).status == 200


def refusals(ingest: WiredIngest) -> dict[str, Answer]:
    """Give the answer of every way to be refused, each with one rid."""
    body, rid, here = standard_body(), {"x-request-id": "r"}, source_id("standard")
    good = {**standard_headers(body, sent_at=now()), **rid}
    late = {**standard_headers(body, sent_at=now() - timedelta(seconds=302)), **rid}
    early = {**standard_headers(body, sent_at=now() + timedelta(seconds=302)), **rid}
    other_key = {**standard_headers(body, sent_at=now(), secret="whsec_AAAA"), **rid}
    algorithm = good["webhook-signature"].replace("v1,", "v1a,")
    return {
        "missing": ingest.hook("standard", body, rid),
        "malformed": ingest.hook("standard", body, {**good, "webhook-signature": "\ud800"}),
        "wrong": ingest.hook("standard", body, other_key),
        "another body": ingest.hook("standard", body + b" ", good),
        "another algorithm": ingest.hook(
            "standard", body, {**good, "webhook-signature": algorithm}
        ),
        "late": ingest.hook("standard", body, late),
        "early": ingest.hook("standard", body, early),
        "unknown endpoint": ingest.hook("standard", body, good, endpoint_id=APP_ID),
        "no uuid": ingest.hook("standard", body, good, endpoint_id="../../v1/events"),
        "another provider's": ingest.hook("square", body, good, endpoint_id=here),
        "unknown provider": ingest.hook("nobody", body, good, endpoint_id=here),
        "no body": ingest.hook("standard", b"", good),
    }


def test_every_refusal_is_the_same_401(ingest: WiredIngest) -> None:
    answers = refusals(ingest)

    [answer] = {(made.status, str(made.headers), made.text) for made in answers.values()}
    assert answers["missing"].problem == (401, "unauthenticated")
    assert answer[0] == 401
    assert not ingest.events.events


def test_every_refusal_is_kept(ingest: WiredIngest) -> None:
    count = len(refusals(ingest))

    assert len(ingest.quarantine.items) == count
    assert set(reasons(ingest)) == {"signature-refused", "unknown-endpoint"}


@pytest.mark.parametrize(
    ("merchant_id", "tenant_id"), [("M1", ONE.tenant_id), ("M2", TWO.tenant_id)]
)
def test_an_app_gives_an_event_to_the_tenant_of_its_merchant(
    ingest: WiredIngest, merchant_id: str, tenant_id: str
) -> None:
    answer = send_square(ingest, square_body("e", merchant_id=merchant_id), endpoint_id=APP_ID)

    assert counts(answer) == (1, 0, 0, 0)
    assert set(ingest.events.events) == {(tenant_id, "square:e")}


@pytest.mark.parametrize(
    ("body", "endpoint_id", "reason"),
    [
        (square_body(merchant_id="M9"), APP_ID, "merchant-unknown"),
        (b'{"event_id":"e"}', APP_ID, "merchant-unknown"),
        (square_body(merchant_id="M2"), None, "merchant-mismatch"),
        (square_body(merchant_id="M3"), APP_ID, "tenant-suspended"),
        (b"no json", None, "unreadable"),
        (b'{"merchant_id":"M1"}', None, "unreadable"),
    ],
)
def test_what_is_verified_but_cannot_be_accepted_is_200_and_kept(
    ingest: WiredIngest, body: bytes, endpoint_id: str | None, reason: str
) -> None:
    answer = send_square(ingest, body, endpoint_id=endpoint_id)

    assert counts(answer) == (0, 0, 0, 1)
    assert reasons(ingest) == [reason]
    assert ingest.quarantine.items[0].content == body
    assert not ingest.events.events


def test_a_suspended_tenant_s_own_source_is_200_and_kept(ingest: WiredIngest) -> None:
    ingest.add_source("shopify", SHOPIFY_SECRET, tenant=IDLE)

    assert counts(send_shopify(ingest)) == (0, 0, 0, 1)
    assert reasons(ingest) == ["tenant-suspended"]


def test_a_key_conflict_is_200_and_kept(ingest: WiredIngest) -> None:
    send_square(ingest, square_body("e"))

    answer = send_square(ingest, square_body("e", more=1))

    assert counts(answer) == (0, 0, 0, 1)
    assert reasons(ingest) == ["key-conflict"]


@pytest.mark.parametrize("store", ["events", "registry", "quarantine"])
def test_what_is_not_certain_to_be_kept_is_503(ingest: WiredIngest, store: str) -> None:
    getattr(ingest, store).is_down = ingest.queue.is_down = True
    body = b"no json" if store == "quarantine" else square_body()

    answer = send_square(ingest, body)

    assert answer.problem == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_the_signature_is_checked_before_the_body_is_read(ingest: WiredIngest) -> None:
    answer = ingest.hook("square", b"[" * 10_000, {})

    assert answer.problem == (401, "unauthenticated")


def test_a_body_of_4_mib_is_taken_and_one_byte_more_is_413(ingest: WiredIngest) -> None:
    body = square_body().ljust(MAX_HOOK_BODY_BYTES)

    assert counts(send_square(ingest, body)) == (1, 0, 0, 0)
    assert send_square(ingest, body + b" ").problem == (413, "payload-too-large")


def test_a_secret_of_another_tenant_s_source_is_401(ingest: WiredIngest) -> None:
    ingest.add_source("square", "another key", tenant=TWO)

    assert send_square(ingest, square_body()).status == 401
    assert SQUARE_KEY != "another key"


@given(
    provider=ANY_TEXT,
    endpoint_id=ANY_TEXT,
    body=st.binary(max_size=60),
    sent=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=4),
)
def test_any_delivery_whatever_is_401(
    provider: str, endpoint_id: str, body: bytes, sent: dict[str, str]
) -> None:
    answer = WiredIngest().hook(provider, body, sent, endpoint_id=endpoint_id)

    assert answer.problem == (401, "unauthenticated")
