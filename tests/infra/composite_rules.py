"""The rule of a composite alarm: ALARM, OK and INSUFFICIENT_DATA of others, AND, OR, NOT.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.infra.cloudwatch import AlarmError, State

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r'\s*([()]|"[^"]*"|\w+)')


def rule_text(rule: str | Mapping[str, Any]) -> str:
    """Give the rule as text, with the logical ids of the alarms that it names."""
    if isinstance(rule, str):
        return rule
    _, parts = rule["Fn::Join"]
    return "".join(part if isinstance(part, str) else part["Fn::GetAtt"][0] for part in parts)


def holds(rule: str, states: Mapping[str, State]) -> bool:
    """Tell whether the rule is true of the alarms' states, by their ids. Raises AlarmError."""
    tokens = _TOKEN.findall(rule)
    if "".join(tokens) != re.sub(r"\s", "", rule):
        raise AlarmError(f"{rule!r} is not understood.")
    result = _either(tokens, states)
    if tokens:
        raise AlarmError(f"{tokens[0]!r} is not understood in {rule!r}.")
    return result


def _either(tokens: list[str], states: Mapping[str, State]) -> bool:
    result = _both(tokens, states)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        # Both sides are read, whatever the first one says.
        result = _both(tokens, states) or result
    return result


def _both(tokens: list[str], states: Mapping[str, State]) -> bool:
    result = _one(tokens, states)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        result = _one(tokens, states) and result
    return result


def _one(tokens: list[str], states: Mapping[str, State]) -> bool:
    match tokens:
        case ["NOT", *_]:
            tokens.pop(0)
            return not _one(tokens, states)
        case ["TRUE" | "FALSE" as word, *_]:
            tokens.pop(0)
            return word == "TRUE"
        case ["(", *_]:
            tokens.pop(0)
            result = _either(tokens, states)
            if not tokens or tokens.pop(0) != ")":
                raise AlarmError("A parenthesis is not closed.")
            return result
        case [state, "(", name, ")", *_] if state in set(State):
            del tokens[:4]
            return states[name.strip('"')] is State(state)
        case _:
            raise AlarmError(f"{' '.join(tokens)!r} is not understood.")
