from __future__ import annotations

import socket
import threading

from bench.subjects.upstream import ANSWER, answer_all


def test_requests_are_answered_whole_whatever_pieces_they_come_in() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    thread = threading.Thread(target=answer_all, args=(theirs,))
    thread.start()
    first = b"POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
    second = b"POST /after-1/x HTTP/1.1\r\ncontent-length: 2\r\n\r\n[]"
    with ours:
        for piece in (first[:10], first[10:-2], first[-2:] + second):
            ours.sendall(piece)
        received = b""
        while len(received) < 2 * len(ANSWER):
            received += ours.recv(1024)
    thread.join(10)
    assert received == ANSWER * 2
    assert not thread.is_alive()
