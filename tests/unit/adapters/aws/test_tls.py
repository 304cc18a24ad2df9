"""The same connection over TLS: who is trusted, and deadlines inside records and handshakes."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.silent_peers import accepting_in_silence
from tests.unit.adapters.aws.scripted_peer import (
    answering,
    dripping,
    hanging_up,
    message,
    scripted_peer,
)
from tillgate.adapters.aws.connection import HttpConnection, default_tls
from tillgate.adapters.aws.errors import AwsUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.adapters.aws.scripted_peer import Reply, ScriptedPeer

WITHIN_SECONDS = 0.2
MARGIN_SECONDS = 0.4


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with the key and the self-signed certificate of 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made up for a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def connected(certificate: Path, *replies: Reply) -> Iterator[tuple[ScriptedPeer, HttpConnection]]:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    with scripted_peer(*replies, tls=serving) as peer:
        one = HttpConnection(
            f"https://127.0.0.1:{peer.port}",
            max_uses=1000,
            tls=lambda: ssl.create_default_context(cafile=str(certificate)),
        )
        try:
            yield peer, one
        finally:
            one.close()


def ask(one: HttpConnection, *, body: bytes = b"x", within_seconds: float = 5) -> bytes:
    answer = one.exchange("POST", "/", {"host": "h"}, body, within_seconds=within_seconds)
    return answer.body


@contextmanager
def fails_in_time() -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(AwsUnreachableError):
        yield
    assert time.monotonic() - started < WITHIN_SECONDS + MARGIN_SECONDS


def test_requests_share_one_connection(certificate: Path) -> None:
    with connected(certificate, answering(b"a"), answering(b"b" * 100_000)) as (peer, one):
        answers = [ask(one) for _ in range(3)]

        assert answers == [b"a", b"b" * 100_000, b"b" * 100_000]
        assert peer.connections == 1


def test_a_body_of_many_records_arrives_whole(certificate: Path) -> None:
    body = bytes(range(256)) * 8000
    with connected(certificate, answering()) as (peer, one):
        ask(one, body=body)

        assert peer.requests[0].endswith(body)


def test_a_kept_connection_that_turns_out_to_be_dead_is_replaced(certificate: Path) -> None:
    with connected(certificate, answering(b"a"), hanging_up, answering(b"b")) as (peer, one):
        assert [ask(one) for _ in range(2)] == [b"a", b"b"]
        assert peer.connections == 2


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with connected(certificate, answering()) as (peer, _):
        stranger = HttpConnection(f"https://127.0.0.1:{peer.port}", max_uses=1)

        with pytest.raises(AwsUnreachableError) as caught:
            ask(stranger)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert peer.requests == []


def test_a_certificate_of_another_name_is_refused(certificate: Path) -> None:
    with connected(certificate, answering()) as (peer, _):
        stranger = HttpConnection(
            f"https://sqs.example.com:{peer.port}",
            max_uses=1,
            resolve=lambda _host, port: [(socket.AF_INET, ("127.0.0.1", port))],
            tls=lambda: ssl.create_default_context(cafile=str(certificate)),
        )

        with pytest.raises(AwsUnreachableError) as caught:
            ask(stranger)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_what_is_trusted_is_read_once() -> None:
    assert default_tls() is default_tls()
    assert default_tls().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("after", [0, 60])
def test_a_deadline_holds_against_records_that_drip(certificate: Path, after: int) -> None:
    with (
        connected(certificate, dripping(message(b"x" * 100), after=after)) as (_, one),
        fails_in_time(),
    ):
        ask(one, within_seconds=WITHIN_SECONDS)


def test_a_deadline_holds_against_a_silent_handshake() -> None:
    with accepting_in_silence() as port:
        one = HttpConnection(f"https://127.0.0.1:{port}", max_uses=1)
        with fails_in_time():
            ask(one, within_seconds=WITHIN_SECONDS)


def test_a_deadline_holds_against_a_handshake_that_drips() -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            accepted, _ = listener.accept()
            with accepted:
                # The head of a record of 16 KiB, and then its bytes one by one.
                accepted.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
                while not ended.wait(0.05):
                    accepted.sendall(b"\x00")

        thread = threading.Thread(target=drip)
        thread.start()
        one = HttpConnection(f"https://127.0.0.1:{listener.getsockname()[1]}", max_uses=1)
        try:
            with fails_in_time():
                ask(one, within_seconds=WITHIN_SECONDS)
        finally:
            ended.set()
            thread.join()
