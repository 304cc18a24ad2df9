"""One fresh interpreter's first call: ``first.py ours|floor|peer``, the event on standard input.

It imports nothing that the subject does not: each import here would hide one of its own.
Prints ``done`` when the event is stored.
"""

import os
import sys

subject = sys.argv[1]
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120  pathlib takes 5 ms.
# Python puts the script's own folder first, in which nothing is to be found.
sys.path.pop(0)

# Lambda's runtime has read the event as JSON before it calls anybody.
import json  # noqa: E402  After the path is as it should be.

event = json.loads(sys.stdin.readline())
if subject == "floor":
    import psycopg

    connection = psycopg.connect(os.environ["FLOOR_DATABASE_URL"], autocommit=True)
    statement, params = event
    connection.execute(statement, params, prepare=True)
else:
    if subject == "ours":
        sys.path.insert(0, f"{root}/functions/ingest")
        from handler import handler  # type: ignore[import-not-found]  # In its own folder only.
    else:
        from bench.peers.fastapi_peer.handler import handler
    answer = handler(event, None)
    # An event of our own API is 201; of a vendor's hook it is 200, and how many were stored, which
    # Adyen is not told.
    if answer["statusCode"] != 201 and not (
        '"accepted":1,' in answer["body"] or answer["body"] == "[accepted]"
    ):
        sys.exit(str(answer))
sys.stdout.write("done\n")
sys.stdout.flush()
