"""TLS to a destination: for its name, at the address that was looked at."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.adapters.aws.scripted_peer import answering, dripping, message, scripted_peer
from tests.unit.services.deliveries import DESTINATION, outgoing
from tillgate.adapters.outbound_http import OutboundHttp
from tillgate.adapters.supabase import SupabaseUpstream
from tillgate.domain.delivery import Delivered, RetryLater

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.adapters.aws.scripted_peer import ScriptedPeer
    from tillgate.adapters.public_address import Address
    from tillgate.domain.delivery import SendResult

NAME = "project.example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with the key and the self-signed certificate of NAME."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made up for a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(pem)
    )
    return path


@contextmanager
def serving(
    certificate: Path, reply: bytes | None = None
) -> Iterator[tuple[ScriptedPeer, list[str]]]:
    """Give a peer, and the names that clients asked it for."""
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def asked(_sock: object, name: str | None, _context: object) -> None:
        names.append(str(name))

    context.set_servername_callback(asked)
    answer = answering(b"", status=201) if reply is None else dripping(reply)
    with scripted_peer(answer, tls=context) as peer:
        yield peer, names


def send(
    peer: ScriptedPeer, tls: ssl.SSLContext, *, name: str = NAME, seconds: float = 5
) -> SendResult:
    def here(_host: str, port: int) -> list[Address]:
        return [(socket.AF_INET, ("127.0.0.1", port))]

    upstream = SupabaseUpstream(
        OutboundHttp(
            connect_seconds=2, max_uses=9, allow_private=True, resolve=here, tls=lambda: tls
        ),
        request_seconds=seconds,
        allow_private=True,
    )
    try:
        destination = replace(DESTINATION, url=f"https://{name}:{peer.port}")
        return upstream.send(destination, "key", [outgoing(1)])
    finally:
        upstream.close()


def test_the_name_is_asked_for_and_checked_at_the_address_that_it_resolved_to(
    certificate: Path,
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(certificate) as (peer, names):
        assert send(peer, trusting) == Delivered(201)
        [request] = peer.requests

    assert names == [NAME]
    assert f"Host: {NAME}:{peer.port}\r\n".encode() in request


def test_a_certificate_of_another_name_is_not_taken(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(certificate) as (peer, _):
        assert send(peer, trusting, name="other.example.com") == RetryLater("tls-failed")
        assert peer.requests == []


def test_a_certificate_that_nobody_vouches_for_is_not_taken(certificate: Path) -> None:
    with serving(certificate) as (peer, _):
        assert send(peer, ssl.create_default_context()) == RetryLater("tls-failed")
        assert peer.requests == []


def test_a_drip_inside_tls_is_cut_off_too(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(certificate, message(b"x" * 500)) as (peer, _):
        assert send(peer, trusting, seconds=0.4) == RetryLater("timeout")
