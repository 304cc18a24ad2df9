"""What property tests draw from: JSON values, and whatever a stranger may send."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

# Any text that UTF-8 can carry, NUL included.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

# Python's json writes and reads all of these back as they are.
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXT, children, max_size=4),
    max_leaves=12,
)
JSON_OBJECTS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(TEXT, JSON_VALUES, max_size=5)

# Lone surrogates too: a header may come from anywhere.
ANY_TEXT = st.text(max_size=60)
ANY_BODY = st.binary(max_size=200) | JSON_OBJECTS.map(lambda value: json.dumps(value).encode())

VISIBLE_ASCII = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
