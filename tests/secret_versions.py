"""Secrets Manager's versions and labels, as AWS documents them, in memory.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tillgate.adapters.aws.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CURRENT, PENDING, BEFORE = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
Refusal = tuple[int, dict[str, Any]]
NOT_FOUND: Refusal = (400, {"__type": "ResourceNotFoundException"})
TAKEN: Refusal = (400, {"__type": "ResourceExistsException"})
NOT_THERE: Refusal = (400, {"__type": "InvalidParameterException"})


@dataclass(slots=True)
class Version:
    """``text`` is None while a rotation has made the version and given it no value yet."""

    text: str | None
    made_at: float
    labels: set[str] = field(default_factory=set)


class VersionedSecrets:
    """Answers as Secrets Manager does; ``current`` is the secrets' values, by their ids.

    A value that a test puts there is the current version's.
    """

    def __init__(self, current: dict[str, str]) -> None:
        self.current = current
        self.clock: Callable[[], float] = time.time
        self._secrets: dict[str, dict[str, Version]] = {}
        self._lock = threading.Lock()

    def begin_rotation(self, secret_id: str) -> str:
        """Do what RotateSecret does before it calls the function; give the version's id."""
        version = str(uuid.uuid4())
        with self._lock:
            self._versions(secret_id)[version] = Version(None, self.clock(), {PENDING})
        return version

    def versions(self, secret_id: str) -> dict[str, Version]:
        with self._lock:
            return dict(self._versions(secret_id))

    def answer(self, target: str, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            if request["SecretId"] not in self.current:
                return NOT_FOUND
            versions = self._versions(request["SecretId"])
            match target.removeprefix("secretsmanager."):
                case "DescribeSecret":
                    return 200, {
                        "CreatedDate": min(one.made_at for one in versions.values()),
                        "VersionIdsToStages": {
                            name: sorted(one.labels) for name, one in versions.items() if one.labels
                        },
                    }
                case "GetSecretValue":
                    return self._get(versions, request)
                case "PutSecretValue":
                    return self._put(versions, request)
                case "UpdateSecretVersionStage":
                    return self._move(versions, request)
        return 400, {"__type": "UnknownOperationException"}

    def _versions(self, secret_id: str) -> dict[str, Version]:
        versions = self._secrets.setdefault(
            secret_id, {str(uuid.uuid4()): Version(None, self.clock(), {CURRENT})}
        )
        # Whatever a test has put there meanwhile.
        versions[_holder(versions, CURRENT)].text = self.current[secret_id]
        return versions

    def _get(
        self, versions: dict[str, Version], request: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        name = request.get("VersionId") or _holder(versions, CURRENT)
        found = versions.get(name)
        if found is None or found.text is None:
            return NOT_FOUND
        return 200, {"SecretString": found.text, "VersionId": name, "CreatedDate": found.made_at}

    def _put(
        self, versions: dict[str, Version], request: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        name, text = request["ClientRequestToken"], request["SecretString"]
        # AWS asks raw callers for a token, of UUID form or longer; the SDKs make one.
        if not 32 <= len(name) <= 64:
            return 400, {"__type": "InvalidRequestException"}
        known = versions.setdefault(name, Version(None, self.clock()))
        if known.text is not None and known.text != text:
            return TAKEN
        known.text = text
        for label in request.get("VersionStages", [CURRENT]):
            self._label(request["SecretId"], versions, name, label)
        return 200, {"VersionId": name}

    def _move(
        self, versions: dict[str, Version], request: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        label, name = request["VersionStage"], request["MoveToVersionId"]
        if name not in versions or request["RemoveFromVersionId"] not in versions:
            return NOT_FOUND
        if request["RemoveFromVersionId"] != _holder(versions, label):
            return NOT_THERE
        self._label(request["SecretId"], versions, name, label)
        return 200, {}

    def _label(self, secret_id: str, versions: dict[str, Version], name: str, label: str) -> None:
        held = _holder(versions, label)
        for one in versions.values():
            one.labels.discard(label)
        versions[name].labels.add(label)
        if label == CURRENT and held != name:
            if held:
                self._label(secret_id, versions, held, BEFORE)
            self.current[secret_id] = versions[name].text or ""


def _holder(versions: Mapping[str, Version], label: str) -> str:
    return next((name for name, one in versions.items() if label in one.labels), "")


class VersionsClient:
    """As much of AwsJsonClient as a rotation uses; ``on_call`` may raise before and after."""

    def __init__(self, secrets: VersionedSecrets) -> None:
        self._secrets = secrets
        self.calls: list[str] = []
        self.on_call: Callable[[int, Literal["before", "after"]], None] = lambda _n, _when: None

    def call(
        self, target: str, request: Mapping[str, object], *, within_seconds: float | None = None
    ) -> dict[str, Any]:
        del within_seconds
        place = len(self.calls)
        self.calls.append(target.removeprefix("secretsmanager."))
        self.on_call(place, "before")
        status, answer = self._secrets.answer(target, request)
        self.on_call(place, "after")
        if status != 200:
            raise AwsError(f"{target} answered {status}", code=answer["__type"])
        return answer
