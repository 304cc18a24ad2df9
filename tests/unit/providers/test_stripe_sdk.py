"""Stripe's own library beside ours: what it signs verifies, and we agree on what does not."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from tests.strategies import TEXT
from tests.unit.providers.hook_requests import NOW, hook_request
from tests.vendors import stripe_headers
from tillgate.providers.stripe import Stripe

SIGNATURE = "stripe-signature"
SECRETS = TEXT.filter(bool).map("whsec_".__add__)
# Of what is not name=value the library takes none; beside a good signature, ours lets it pass.
PARTS = st.lists(st.sampled_from(["t=1", "t=", "t=x", "v1=", "v1=00", "v0=00", "=", "x=y"])).map(
    ",".join
)


def library_verifies(body: bytes, header: str, secret: str) -> bool:
    try:
        WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)
    except SignatureVerificationError:
        return False
    return True


@given(TEXT, SECRETS)
def test_what_the_library_signs_verifies(body: str, secret: str) -> None:
    header = WebhookSignature.generate_signature_header(body, secret, int(NOW.timestamp()))
    request = hook_request(body.encode(), {SIGNATURE: header})

    assert Stripe().verify(request, secret)
    assert not Stripe().verify(request, secret + "x")
    assert not Stripe().verify(hook_request(body.encode() + b" ", {SIGNATURE: header}), secret)


@given(body=TEXT, secret=SECRETS, before=PARTS, after=PARTS, honest=st.booleans())
def test_the_library_agrees(
    body: str, secret: str, before: str, after: str, *, honest: bool
) -> None:
    now = datetime.fromtimestamp(int(time.time()), UTC)
    good = stripe_headers(body.encode(), sent_at=now, secret=secret)[SIGNATURE]
    header = ",".join(filter(None, (before, good, after)))
    sent = body.encode() if honest else body.encode() + b" "

    ours = Stripe().verify(hook_request(sent, {SIGNATURE: header}, at=now), secret)

    assert ours is library_verifies(sent, header, secret)
