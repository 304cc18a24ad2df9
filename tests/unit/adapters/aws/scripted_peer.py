"""An HTTP/1.1 server on real sockets that answers, stalls and breaks off as it is told."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    # Says what goes out on a request, and whether the connection stays open.
    Reply = Callable[[socket.socket, threading.Event], bool]


@dataclass
class ScriptedPeer:
    """``replies`` are given one after the other, the last one for ever.

    ``requests`` holds each request's head and body; ``connections`` counts.
    """

    port: int = 0
    replies: list[Reply] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_reply(self, request: bytes) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def sending(data: bytes, *, keeps: bool = True) -> Reply:
    """Send this, whole."""

    def reply(sock: socket.socket, _ended: threading.Event) -> bool:
        sock.sendall(data)
        return keeps

    return reply


def answering(body: bytes = b"{}", *, status: int = 200, keeps: bool = True) -> Reply:
    """Answer well; unless it ``keeps`` the connection, end it without a word."""
    return sending(message(body, status=status), keeps=keeps)


def message(body: bytes, *, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


def dripping(data: bytes, *, after: int = 0) -> Reply:
    """Send what comes before ``after`` at once, and the rest a byte each 50 ms."""

    def reply(sock: socket.socket, ended: threading.Event) -> bool:
        sock.sendall(data[:after])
        for position in range(after, len(data)):
            sock.sendall(data[position : position + 1])
            if ended.wait(0.05):
                break
        return False

    return reply


def silence(_sock: socket.socket, ended: threading.Event) -> bool:
    """Say nothing until the test is over."""
    ended.wait(30)
    return False


def hanging_up(_sock: socket.socket, _ended: threading.Event) -> bool:
    """End the connection instead of an answer."""
    return False


def resetting(sock: socket.socket, _ended: threading.Event) -> bool:
    """Break the connection off instead of an answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


@contextmanager
def scripted_peer(*replies: Reply, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedPeer]:
    peer = ScriptedPeer(replies=list(replies))
    ended = threading.Event()
    threads: list[threading.Thread] = []
    live: list[socket.socket] = []

    def serve(accepted: socket.socket) -> None:
        # A client that gave up is what many tests are about.
        with suppress(OSError), closing(accepted):
            sock = tls.wrap_socket(accepted, server_side=True) if tls else accepted
            live.append(sock)
            with closing(sock), sock.makefile("rb") as incoming:
                while request := _request(incoming):
                    if not peer.next_reply(request)(sock, ended):
                        return

    def accept() -> None:
        with suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                peer.connections += 1
                threads.append(threading.Thread(target=serve, args=(accepted,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer.port = listener.getsockname()[1]
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield peer
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for sock in live:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _request(incoming: BinaryIO) -> bytes:
    """Read one request; what is not whole is none."""
    head = b""
    length = 0
    while not head.endswith(b"\r\n\r\n"):
        line = incoming.readline()
        if not line:
            return b""
        head += line
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head + incoming.read(length)
