from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tillgate.domain.provider import HookRequest
from tillgate.entrypoints.docs.vendors import VENDORS
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://events.example.com/v1/hooks/x/4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
SECRET = "whsec_RVhBTVBMRS1FWEFNUExFLUVYQU1QTEUtRVhBTVBMRS0="
# Of those whose keys are not just any text.
SECRETS = {"adyen": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"}
# Notes what it was asked to send, one argument after another, instead of sending it.
CURL = '#!/bin/sh\nfor argument; do printf "%s\\0" "$argument"; done > "$SENT"\n'


def sent_by(script: str, folder: Path, *, secret: str) -> HookRequest:
    """Run a vendor's commands with a curl of ours; give what they would have sent."""
    curl, sent = folder / "curl", folder / "sent"
    curl.write_text(CURL)
    curl.chmod(0o755)
    path = f"{folder}:/usr/local/bin:/usr/bin:/bin"
    subprocess.run(  # noqa: S603  What the page shows, that is ours.
        ["sh", "-eu", "-c", script],  # noqa: S607  The reader's own shell.
        env={"PATH": path, "SECRET": secret, "URL": URL, "SENT": str(sent)},
        check=True,
    )
    arguments = sent.read_text().split("\0")
    headers = [after.partition(": ") for flag, after in pairwise(arguments) if flag == "-H"]
    return HookRequest(
        body=arguments[arguments.index("--data-binary") + 1].encode(),
        headers={name.lower(): value for name, _, value in headers},
        notification_url=URL,
        received_at=datetime.now(UTC),
    )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the commands sign with openssl")
@pytest.mark.parametrize("name", VENDORS)
def test_commands_sign_as_the_vendor_does(name: str, tmp_path: Path) -> None:
    secret = SECRETS.get(name, SECRET)
    request = sent_by(VENDORS[name].script, tmp_path, secret=secret)

    [item] = PROVIDERS[name].split(request)
    assert PROVIDERS[name].verify(request, secret)
    assert not PROVIDERS[name].verify(request, "whsec_b3RoZXI=")
    assert not PROVIDERS[name].verify(request, "AB" * 32)
    assert len(item.key) >= 32
    assert {header.lower() for header, _ in VENDORS[name].headers} <= request.headers.keys()
