"""Deliveries that are nearly a vendor's: what no random bytes would come to."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.strategies import ANY_TEXT, JSON_VALUES
from tests.vendors import adyen_body

_TEXTS = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "eventCode",
    "success",
    "eventDate",
)
# Adyen's, signed inside by nobody: each field of any kind.
NOTIFICATIONS = st.fixed_dictionaries(
    {"additionalData": st.just({"hmacSignature": "A" * 43 + "="}) | JSON_VALUES},
    optional={
        **dict.fromkeys(
            _TEXTS,
            ANY_TEXT | JSON_VALUES | st.sampled_from(["\ud800", "a:b", True, 10**400, [[[]]]]),
        ),
        "amount": JSON_VALUES
        | st.dictionaries(
            st.sampled_from(["value", "currency", "1"]),
            ANY_TEXT | JSON_VALUES | st.integers(10**300, 10**301),
        ),
    },
)
ADYEN_BODIES = st.lists(NOTIFICATIONS | JSON_VALUES, min_size=1, max_size=3).map(
    lambda items: adyen_body(*items)
)
