"""The function's own credentials, as Lambda gives them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tillgate.adapters.aws.connection import HttpConnection
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.signing import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

# So that none expires on its way.
_EARLY = timedelta(minutes=5)


class EnvironmentCredentials:
    """From the container endpoint where there is one (Lambda with SnapStart), else variables.

    The variables are AWS_ACCESS_KEY_ID and its like.
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
    """

    def __init__(self, env: Mapping[str, str], *, timeout_seconds: float) -> None:
        self._env = env
        self._timeout_seconds = timeout_seconds
        self._fetched: Credentials | None = None

    def __call__(self, now: datetime, *, within_seconds: float | None = None) -> Credentials:
        """Give credentials that are good at ``now``; raises AwsError.

        ``within_seconds``, where given, goes before the time-out for fetching them.
        """
        url = self._env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if url is None:
            try:
                return Credentials(
                    self._env["AWS_ACCESS_KEY_ID"],
                    self._env["AWS_SECRET_ACCESS_KEY"],
                    self._env.get("AWS_SESSION_TOKEN"),
                )
            except KeyError as error:
                raise AwsError(f"{error.args[0]} is not set") from None
        known = self._fetched
        if known is not None and known.expires_at is not None and now < known.expires_at - _EARLY:
            return known
        within = self._timeout_seconds if within_seconds is None else within_seconds
        try:
            self._fetched = self._fetch(url, within)
        except AwsError:
            # Renewing early leaves time to try again: the old ones are good until they expire.
            if known is None or known.expires_at is None or known.expires_at <= now:
                raise
            return known
        return self._fetched

    def _fetch(self, url: str, within_seconds: float) -> Credentials:
        token = self._env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        parts = urlsplit(url)
        headers = {"host": parts.netloc, "authorization": token}
        # Asked every few hours, so its connection is not kept.
        endpoint = HttpConnection(url, max_uses=1)
        answer = endpoint.exchange("GET", parts.path, headers, within_seconds=within_seconds)
        if answer.status != 200:  # noqa: PLR2004  The module that names it is not worth its import.
            raise AwsError(f"the credentials endpoint answered {answer.status}")
        try:
            given = json.loads(answer.body)
            return Credentials(
                given["AccessKeyId"],
                given["SecretAccessKey"],
                given["Token"],
                datetime.fromisoformat(given["Expiration"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AwsError("the credentials endpoint gave no credentials") from error
