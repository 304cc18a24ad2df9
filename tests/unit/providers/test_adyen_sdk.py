"""Adyen's own library beside ours: what it signs verifies, and we agree on what does not."""

from __future__ import annotations

import json

from Adyen.util import generate_notification_sig, is_valid_hmac_notification
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import TEXT
from tests.unit.providers.hook_requests import hook_request
from tillgate.providers.adyen import Adyen

KEYS = st.binary(min_size=16, max_size=40).map(bytes.hex)
PLAIN = TEXT.filter(lambda text: ":" not in text)
# As Adyen sends them; the library has a word of Python's for what is no text.
NOTIFICATIONS = st.fixed_dictionaries(
    {
        "amount": st.fixed_dictionaries({"value": st.integers(), "currency": PLAIN}),
        "merchantAccountCode": PLAIN,
    },
    optional={
        "pspReference": PLAIN,
        "originalReference": PLAIN,
        "merchantReference": TEXT,
        "eventCode": PLAIN,
        "success": st.sampled_from(["true", "false"]),
        "eventDate": TEXT,
    },
)


def ours(item: dict[str, object], key: str) -> bool:
    document = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
    return Adyen().verify(hook_request(json.dumps(document).encode(), {}), key)


@given(NOTIFICATIONS, KEYS)
def test_what_the_library_signs_verifies(item: dict[str, object], key: str) -> None:
    signature = generate_notification_sig(item, key).decode()
    signed = {**item, "additionalData": {"hmacSignature": signature}}

    assert ours(signed, key)
    assert not ours(signed, key + "00ff")


@given(NOTIFICATIONS, NOTIFICATIONS, KEYS)
def test_the_library_agrees(item: dict[str, object], other: dict[str, object], key: str) -> None:
    signature = generate_notification_sig(other, key).decode()
    signed = {**item, "additionalData": {"hmacSignature": signature}}

    assert ours(signed, key) is is_valid_hmac_notification(signed, key)
