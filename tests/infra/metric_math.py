"""As much of CloudWatch's metric math as our alarms use; whatever else is written is an error.

A series has a value or None (missing) for each period, oldest first. The rules, and the tables
that test_cloudwatch_rules.py holds this against, are those of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Series = list[float | None]
Value = float | Series

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),]))"
)
_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_LOGICAL = {"AND": "AND", "&&": "AND", "OR": "OR", "||": "OR"}


class MathError(ValueError):
    """The expression is not understood: nobody knows what its alarm would do."""


def evaluate(expression: str, series: Mapping[str, Sequence[float | None]]) -> Series:
    """Give what the expression makes of the series, which are of one length, by their ids.

    Raises MathError for a function, an id or a sign that is not known here, and for a result
    that is a number alone.
    """
    parser = _Parser(expression, {key: list(values) for key, values in series.items()})
    result = parser.whole()
    if not isinstance(result, list):
        raise MathError(f"{expression!r} is a number; an alarm takes a series.")
    return result


class _Parser:
    def __init__(self, expression: str, series: Mapping[str, Series]) -> None:
        self._expression = expression
        self._tokens = _tokens(expression)
        self._series = series

    def whole(self) -> Value:
        value = self._logical()
        if self._tokens:
            raise MathError(f"{self._tokens[0]!r} is not understood in {self._expression!r}.")
        return value

    def _next(self, *expected: str) -> str:
        """Take the next token if it is among those expected; none of them gives ''."""
        if self._tokens and self._tokens[0] in expected:
            return self._tokens.pop(0)
        return ""

    def _need(self, sign: str) -> None:
        if not self._next(sign):
            raise MathError(f"{sign!r} is missing in {self._expression!r}.")

    def _logical(self) -> Value:
        value = self._comparison()
        words = set()
        while word := self._next(*_LOGICAL):
            words.add(_LOGICAL[word])
            value = _logical(_LOGICAL[word], value, self._comparison())
        if len(words) > 1:
            raise MathError("AND beside OR: AWS does not say which goes first. Set parentheses.")
        return value

    def _comparison(self) -> Value:
        value = self._sum()
        while sign := self._next(*_COMPARISONS):
            value = _compare(sign, value, self._sum())
        return value

    def _sum(self) -> Value:
        value = self._product()
        while sign := self._next("+", "-"):
            value = _arithmetic(sign, value, self._product())
        return value

    def _product(self) -> Value:
        value = self._unary()
        while sign := self._next("*", "/"):
            value = _arithmetic(sign, value, self._unary())
        return value

    def _unary(self) -> Value:
        if self._next("-"):
            return _arithmetic("*", -1.0, self._unary())
        return self._primary()

    def _primary(self) -> Value:
        if self._next("("):
            value = self._logical()
            self._need(")")
            return value
        if not self._tokens:
            raise MathError(f"{self._expression!r} ends too early.")
        token = self._tokens.pop(0)
        if token[0].isdigit():
            return float(token)
        if self._next("("):
            return self._call(token)
        if token not in self._series:
            raise MathError(f"{self._expression!r} has no {token!r}.")
        return self._series[token]

    def _call(self, name: str) -> Value:
        arguments = [self._logical()]
        while self._next(","):
            arguments.append(self._logical())
        self._need(")")
        function = _FUNCTIONS.get(name)
        if function is None:
            raise MathError(f"{name} is not known here: write down what AWS says of it, and do it.")
        try:
            return function(*arguments)
        except TypeError as error:
            raise MathError(f"{name} does not take these arguments: {error}") from error


def _tokens(expression: str) -> list[str]:
    tokens, at = [], 0
    text = expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise MathError(f"{text[at:]!r} is not understood.")
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


def _arithmetic(sign: str, left: Value, right: Value) -> Value:
    """Combine two values; what divides by zero is dropped.

    "Missing values in a time series are treated as 0. If the value of a data point causes a
    function to attempt to divide by zero, the data point is dropped." Where neither series has a
    value there is no point in time to put one at.
    """

    def one(a: float, b: float) -> float | None:
        match sign:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case _:
                return a / b if b else None

    if not isinstance(left, list) and not isinstance(right, list):
        result = one(left, right)
        if result is None:
            raise MathError("A number is divided by zero.")
        return result
    return [None if pair is None else one(*pair) for pair in _pairs(left, right)]


def _compare(sign: str, left: Value, right: Value) -> Value:
    """1 or 0. "When … only one of the time series has a value …, the other … is treated as 0"."""
    compare = _COMPARISONS[sign]
    if not isinstance(left, list) and not isinstance(right, list):
        return float(compare(left, right))
    return [None if pair is None else float(compare(*pair)) for pair in _pairs(left, right)]


def _logical(word: str, left: Value, right: Value) -> Value:
    if not isinstance(left, list) or not isinstance(right, list):
        raise MathError(f"{word} is between two series here.")
    joined = all if word == "AND" else any
    return [None if pair is None else float(joined(pair)) for pair in _pairs(left, right)]


def _pairs(left: Value, right: Value) -> list[tuple[float, float] | None]:
    """Pair point with point, a number with each; a point that only one side lacks is 0."""
    if not isinstance(right, list):
        return [None if a is None else (a, right) for a in _series(left)]
    if not isinstance(left, list):
        return [None if b is None else (left, b) for b in right]
    return [
        None if a is None and b is None else (a or 0.0, b or 0.0)
        for a, b in zip(left, right, strict=True)
    ]


def _series(value: Value) -> Series:
    if not isinstance(value, list):
        raise MathError("A series is needed where a number stands.")
    return value


def _fill(series: Value, filler: Value) -> Value:
    """FILL(TS, S): "Fills the missing values of a time series"; by REPEAT or LINEAR: not here."""
    if isinstance(filler, list):
        raise MathError("FILL by a series is not known here.")
    return [filler if value is None else value for value in _series(series)]


def _diff(series: Value) -> Value:
    """DIFF(TS): "the difference between each value … and the preceding value"; the first: none."""
    result: Series = []
    before: float | None = None
    for value in _series(series):
        result.append(None if value is None or before is None else value - before)
        before = before if value is None else value
    return result


def _if(condition: Value, then: Value, otherwise: Value) -> Value:
    """IF(TS, S | TS, S | TS), with AWS' own table for what is missing.

    Where the condition is missing the point is dropped; where it is true and ``then`` is missing
    it is 0; where it is false and ``otherwise`` is missing it is dropped.
    """
    points = _series(condition)

    def at(value: Value, index: int) -> float | None:
        return value[index] if isinstance(value, list) else value

    result: Series = []
    for index, is_true in enumerate(points):
        if is_true is None:
            result.append(None)
        elif is_true:
            result.append(at(then, index) or 0.0)
        else:
            result.append(at(otherwise, index))
    return result


_FUNCTIONS: Final[dict[str, Callable[..., Value]]] = {"FILL": _fill, "DIFF": _diff, "IF": _if}
