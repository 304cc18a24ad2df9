"""What Lambda would call."""

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from bench.peers.fastapi_peer.app import app

TEXT = [*DEFAULT_TEXT_MIME_TYPES, "application/problem+json"]

handler = Mangum(app, lifespan="off", text_mime_types=TEXT)
