"""An upstream that reads and answers 201, and does nothing else: ``python -m ...upstream``.

Prints its port; ends when standard input does. A path that begins with ``/after-20`` is answered
20 ms later, which is what the way to a Supabase and its own commit take. Standard library only.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_AFTER_MS = re.compile(rb"POST /after-(\d+)/")


def answer_all(connection: socket.socket) -> None:
    """Answer requests, one after the other, until the other side has had enough."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    received = bytearray()
    with connection:
        while True:
            while (ends := received.find(_HEAD_ENDS)) < 0:
                if not (chunk := connection.recv(65_536)):
                    return
                received += chunk
            length = _LENGTH.search(received, 0, ends)
            size = ends + len(_HEAD_ENDS) + (int(length[1]) if length else 0)
            while len(received) < size:
                if not (chunk := connection.recv(262_144)):
                    return
                received += chunk
            if after := _AFTER_MS.match(received):
                time.sleep(int(after[1]) / 1000)
            del received[:size]
            connection.sendall(ANSWER)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                threading.Thread(target=answer_all, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
