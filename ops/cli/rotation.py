"""``rotate`` and ``retire-secret``: another secret or token, the old one good for an overlap."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from ops.cli.apps import COLUMNS as APP_COLUMNS
from ops.cli.client import Answer
from ops.cli.confirmation import YesOption, confirm
from ops.cli.endpoints import SecretStdinOption
from ops.cli.errors import UsageError
from ops.cli.output import Column, pick, shown
from ops.cli.references import check_id
from ops.cli.session import Session, connected
from ops.cli.sources import COLUMNS as SOURCE_COLUMNS
from ops.cli.tokens import COLUMNS as TOKEN_COLUMNS
from ops.cli.vendor_secret import read_secret

_OVERLAP = re.compile(r"(0|[1-9][0-9]{0,6})([smhd]?)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DEFAULT = "7d"
_QUESTION = (
    "What is signed with the previous secret will be refused within 30 s, and kept in quarantine."
    " Go on?"
)

OverlapOption = Annotated[
    str, typer.Option(help="So long the old one stays good: 30m, 12h, 7d; 0 after a leak.")
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace-previous",
        help="While a rotation is under way: its old secret ends at once.",
    ),
]


@connected
def rotate_source(
    session: Session,
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source's id.")],
    *,
    overlap: OverlapOption = _DEFAULT,
    secret_stdin: SecretStdinOption = False,
    replace_previous: ReplaceOption = False,
) -> None:
    """Change the secret of a source that is in use; the old one stays good for the overlap."""
    checked = check_id(source_id, argument="SOURCE_ID", next_step="tillgate source list TENANT")
    body = _rotation(session, overlap, secret_stdin=secret_stdin, replace_previous=replace_previous)
    answer = session.client.post(f"/sources/{checked}/secret/rotate", body)
    _show_rotated(session, answer, SOURCE_COLUMNS, f"tillgate source retire-secret {checked}")


@connected
def retire_source_secret(
    session: Session,
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source's id.")],
    *,
    yes: YesOption = False,
) -> None:
    """End a source's previous secret now, before its overlap is over."""
    checked = check_id(source_id, argument="SOURCE_ID", next_step="tillgate source list TENANT")
    confirm(session.surroundings, _QUESTION, yes=yes)
    answer = session.client.delete(f"/sources/{checked}/secret/previous")
    session.output.show_record(answer, SOURCE_COLUMNS)


@connected
def rotate_app(
    session: Session,
    app_id: Annotated[str, typer.Argument(metavar="APP_ID", help="The app's id.")],
    *,
    overlap: OverlapOption = _DEFAULT,
    secret_stdin: SecretStdinOption = False,
    replace_previous: ReplaceOption = False,
) -> None:
    """Change the secret of an app that is in use; the old one stays good for the overlap."""
    checked = check_id(app_id, argument="APP_ID", next_step="tillgate app list")
    body = _rotation(session, overlap, secret_stdin=secret_stdin, replace_previous=replace_previous)
    answer = session.client.post(f"/apps/{checked}/secret/rotate", body)
    _show_rotated(session, answer, APP_COLUMNS, f"tillgate app retire-secret {checked}")


@connected
def retire_app_secret(
    session: Session,
    app_id: Annotated[str, typer.Argument(metavar="APP_ID", help="The app's id.")],
    *,
    yes: YesOption = False,
) -> None:
    """End an app's previous secret now, before its overlap is over."""
    checked = check_id(app_id, argument="APP_ID", next_step="tillgate app list")
    confirm(session.surroundings, _QUESTION, yes=yes)
    answer = session.client.delete(f"/apps/{checked}/secret/previous")
    session.output.show_record(answer, APP_COLUMNS)


@connected
def rotate_token(
    session: Session,
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="The id, not the token.")],
    *,
    overlap: OverlapOption = _DEFAULT,
) -> None:
    """Make a token in the place of another, which stays good for the overlap."""
    checked = check_id(token_id, argument="TOKEN_ID", next_step="tillgate token list TENANT")
    body = {"overlap_seconds": overlap_seconds(overlap)}
    answer = session.client.post(f"/tokens/{checked}/rotate", body)
    ended = Column("OLD TOKEN ENDS", "replaced.revoked_at")
    session.output.show_record(answer, (Column("TOKEN", "token"), *TOKEN_COLUMNS, ended))
    session.output.note(
        "Keep the token now: it is not shown again. The old one is good until"
        f" {shown(pick(answer.document, ended.key))}; whether it is still used is its LAST USED"
        f" in: tillgate token list {shown(answer.document.get('tenant_id'))}"
    )


def overlap_seconds(text: str) -> int:
    """Read how long an overlap is to be. Raises UsageError."""
    match = _OVERLAP.fullmatch(text)
    if match is None or (not match[2] and match[1] != "0"):
        raise UsageError(
            "An overlap is 0, or a number of minutes, hours or days: 30m, 12h, 7d.",
            next_step="repeat the command with --overlap 7d, or with none, which is the same",
        )
    return int(match[1]) * _SECONDS[match[2] or "s"]


def _rotation(
    session: Session, overlap: str, *, secret_stdin: bool, replace_previous: bool
) -> dict[str, object]:
    body: dict[str, object] = {"overlap_seconds": overlap_seconds(overlap)}
    secret = read_secret(session.surroundings, provider="the vendor", from_stdin=secret_stdin)
    if secret is not None:
        body["secret"] = secret
    if replace_previous:
        body["replace_previous"] = True
    return body


def _show_rotated(session: Session, answer: Answer, columns: Sequence[Column], retire: str) -> None:
    made_here = bool(answer.document.get("secret"))
    session.output.show_record(
        answer, (*columns, Column("SECRET", "secret")) if made_here else columns
    )
    if made_here:
        session.output.note(
            "Set the secret at the vendor, too: Tillgate made it, and does not show it again."
        )
    until = pick(answer.document, "previous_secret.good_until")
    if until is None:
        session.output.note(
            "The old secret stops working within 30 s. What is refused for it is kept in"
            " quarantine: tillgate quarantine list --reason signature-refused"
        )
        return
    session.output.note(
        f"Both secrets are good until {shown(until)}, and the old one for as long as it is signed"
        " with: until it has been silent for 24 h, 30 days at most. To end it sooner, once"
        f" PREVIOUS MATCHED stands still: {retire}"
    )
