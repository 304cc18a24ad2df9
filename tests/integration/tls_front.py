"""TLS before an embedded Postgres, whose programs are built without it.

It does what the server does with ``ssl = on``: it answers the SSLRequest, makes the handshake,
and passes on what follows.
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class TlsFront:
    """``versions`` are of the handshakes made, ``plain`` is what was said without one."""

    port: int
    versions: list[str | None] = field(default_factory=list)
    plain: bytes = b""


@contextmanager
def tls_front(
    server_port: int,
    certificate: Path,
    *,
    offers_tls: bool = True,
    is_silent: bool = False,
) -> Iterator[TlsFront]:
    """Listen before the server. ``is_silent`` says yes to TLS, and then nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        front = TlsFront(listener.getsockname()[1])

        def take(client: socket.socket) -> None:
            """Serve one client; what a client says that was told of no TLS is kept."""
            with suppress(OSError):
                if client.recv(len(SSL_REQUEST), socket.MSG_WAITALL) != SSL_REQUEST:
                    front.plain += b"a start without TLS"
                client.sendall(b"S" if offers_tls else b"N")
                if not offers_tls:
                    front.plain += client.recv(_CHUNK_BYTES)
                if is_silent or not offers_tls:
                    client.recv(_CHUNK_BYTES)
                    return
                with (
                    context.wrap_socket(client, server_side=True) as inside,
                    socket.create_connection(("127.0.0.1", server_port)) as server,
                ):
                    front.versions.append(inside.version())
                    _pass_on(inside, server)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    stack.enter_context(client)
                    threading.Thread(target=take, args=(client,), daemon=True).start()

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield front
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


def _pass_on(inside: ssl.SSLSocket, server: socket.socket) -> None:
    while True:
        ready = [inside] if inside.pending() else select.select([inside, server], [], [])[0]
        for source in ready:
            data = source.recv(_CHUNK_BYTES)
            if not data:
                return
            (server if source is inside else inside).sendall(data)
