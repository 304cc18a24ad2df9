"""A small client for AWS's JSON services: Signature Version 4 over http.client.

boto3 and a client take a second to import, and Toast waits two for a whole answer; this
takes a tenth. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tillgate.domain.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class AwsError(UpstreamError):
    """AWS could not be reached, or refused; ``code`` is its error's name, '' when unreachable."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; ``session_token`` and ``expires_at`` are None for one that lasts."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None
    expires_at: datetime | None = None


def sign(
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    service: str,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """Give the headers of a signed ``POST /`` request.

    ``headers`` must hold ``host``; names are in lower case.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    day = stamp[:8]
    signed = {**headers, "x-amz-date": stamp}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signed))
    canonical_headers = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
    payload = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n/\n\n{canonical_headers}\n{names}\n{payload}"
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (
        day,
        region,
        service,
        "aws4_request",
        f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}",
    ):
        key = hmac.digest(key, part.encode(), "sha256")
    signed["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope},"
        f" SignedHeaders={names}, Signature={key.hex()}"
    )
    return signed


class EnvironmentCredentials:
    """The function's own credentials, as Lambda gives them.

    From the container endpoint where there is one (Lambda with SnapStart), else from the
    AWS_ACCESS_KEY_ID variables.
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
    """

    def __init__(self, env: Mapping[str, str], *, timeout_seconds: float) -> None:
        self._env = env
        self._timeout_seconds = timeout_seconds
        self._fetched: Credentials | None = None

    def __call__(self, now: datetime) -> Credentials:
        """Give credentials that are good at ``now``; raises AwsError."""
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
        fetched = self._fetched
        if fetched is None or fetched.expires_at is None or fetched.expires_at < now:
            fetched = self._fetch(url)
            self._fetched = fetched
        return fetched

    def _fetch(self, url: str) -> Credentials:
        token = self._env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        parts = urlsplit(url)
        status, body = _exchange(
            "GET", url, parts.path, b"", {"authorization": token}, self._timeout_seconds
        )
        if status != http.client.OK:
            raise AwsError(f"the credentials endpoint answered {status}")
        try:
            answer = json.loads(body)
            return Credentials(
                answer["AccessKeyId"],
                answer["SecretAccessKey"],
                answer["Token"],
                # Renewed five minutes early, so that none expires on its way.
                datetime.fromisoformat(answer["Expiration"]) - timedelta(minutes=5),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AwsError("the credentials endpoint gave no credentials") from error


class AwsJsonClient:
    """Calls one AWS service that speaks the JSON 1.1 protocol. Raises AwsError."""

    def __init__(
        self,
        service: str,
        *,
        env: Mapping[str, str],
        timeout_seconds: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._service = service
        self._region = env.get("AWS_REGION", "us-east-1")
        self._endpoint = env.get(
            "AWS_ENDPOINT_URL", f"https://{service}.{self._region}.amazonaws.com"
        )
        self._credentials = EnvironmentCredentials(env, timeout_seconds=timeout_seconds)
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    def call(self, target: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Call ``target`` (for example ``secretsmanager.GetSecretValue``)."""
        now = self._clock()
        body = json.dumps(request).encode()
        headers = sign(
            {
                "host": urlsplit(self._endpoint).netloc,
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": target,
            },
            body,
            credentials=self._credentials(now),
            service=self._service,
            region=self._region,
            now=now,
        )
        status, answer = _exchange(
            "POST", self._endpoint, "/", body, headers, self._timeout_seconds
        )
        if status != http.client.OK:
            raise AwsError(f"{target} answered {status}", code=_error_code(answer))
        try:
            result: dict[str, Any] = json.loads(answer)
        except ValueError as error:
            raise AwsError(f"{target} answered no JSON") from error
        return result


def _error_code(answer: bytes) -> str:
    try:
        return str(json.loads(answer).get("__type", "")).rpartition("#")[2]
    except (ValueError, AttributeError):
        return ""


def _exchange(
    method: str,
    url: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout_seconds: float,
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.netloc, timeout=timeout_seconds)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise AwsError(f"{parts.hostname} gave no answer") from error
    finally:
        connection.close()
