"""What is sealed in quarantine as bytes and back.

One line of JSON (the delivery's headers, how it was called, and which part of it is meant), a
line feed, and the content as it is. Before migration 23 that line was the headers alone, and
what is of that form stands for its whole delivery.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tillgate.domain.errors import SealBrokenError
from tillgate.domain.quarantine import UNKNOWN_ENDPOINT_SAMPLE_BYTES, WHOLE, Part, Reason

if TYPE_CHECKING:
    from tillgate.domain.quarantine import Quarantined


class Opened(NamedTuple):
    """What was sealed; ``address`` is None where it was not kept."""

    headers: dict[str, str]
    content: bytes
    part: Part
    address: tuple[str, str] | None
    is_cut: bool


def encode(item: Quarantined) -> bytes:
    """Write down what is to be sealed."""
    return encode_opened(Opened(item.headers, item.content, item.part, item.address, item.is_cut))


def encode_opened(opened: Opened) -> bytes:
    """Write it down again, where only its part has changed."""
    head: dict[str, Any] = {"headers": opened.headers}
    if opened.part != WHOLE:
        head["keys"] = sorted(opened.part.keys)
        head["is_all_but"] = opened.part.is_all_but
    if opened.address is not None:
        head["address"] = opened.address
    if opened.is_cut:
        head["is_cut"] = True
    return json.dumps(head).encode() + b"\n" + opened.content


def decode(plain: bytes, *, reason: str) -> Opened:
    """Read it; ``reason`` is why it was set aside. Raises SealBrokenError for another's text."""
    head_line, _, content = plain.partition(b"\n")
    try:
        head = json.loads(head_line)
        headers = head.get("headers")
        if not isinstance(headers, dict):
            # A sample was cut at this length, and it is not written down whether it was.
            is_sample = reason == Reason.UNKNOWN_ENDPOINT
            is_cut = is_sample and len(content) >= UNKNOWN_ENDPOINT_SAMPLE_BYTES
            return Opened(head, content, WHOLE, None, is_cut)
        part = Part(frozenset(head.get("keys", ())), is_all_but=head.get("is_all_but", True))
        address = tuple(head["address"]) if "address" in head else None
        return Opened(headers, content, part, address, head.get("is_cut", False))
    except (ValueError, TypeError, AttributeError) as error:
        raise SealBrokenError("sealed text opens, and is not what quarantine holds") from error
