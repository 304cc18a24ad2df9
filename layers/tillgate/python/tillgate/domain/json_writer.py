"""Compact JSON by an encoder that is made once.

``json.dumps`` and ``JSONEncoder.encode`` make the encoder in C anew for every text: a third of
what a request's small texts take.
"""

from __future__ import annotations

import json
from json import encoder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def json_writer(
    *,
    sort_keys: bool = False,
    ensure_ascii: bool = True,
    default: Callable[[object], object] | None = None,
) -> Callable[[object], str]:
    """Give what writes a value as ``json.dumps`` would with these, and no white space.

    What refers to itself is not looked for.
    """
    plain = json.JSONEncoder(
        ensure_ascii=ensure_ascii,
        check_circular=False,
        sort_keys=sort_keys,
        separators=(",", ":"),
        default=default,
    )
    # As JSONEncoder.iterencode makes it; a Python without it (PyPy) has None there.
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    text_of = encoder.encode_basestring_ascii if ensure_ascii else encoder.encode_basestring
    encode = make(None, plain.default, text_of, None, ":", ",", sort_keys, False, True)
    return lambda value: "".join(encode(value, 0))
