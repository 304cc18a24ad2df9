"""Chance that repeats, so that what a test found once it finds again."""

from __future__ import annotations

import random


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  Nothing here is a secret.
