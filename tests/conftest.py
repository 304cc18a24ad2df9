"""How all tests run: property tests look for the same examples on every machine."""

from __future__ import annotations

import gc
import os

from hypothesis import settings

# Thousands of tests and what they import stay to the end: looking through them for garbage after
# every 700 objects that are made takes a tenth of a run.
gc.set_threshold(20_000)

# Two cores are shared with others: a slow example is no fault of the code.
settings.register_profile("tillgate", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tillgate"))
