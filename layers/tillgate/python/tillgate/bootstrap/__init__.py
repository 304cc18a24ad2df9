"""The composition root: one module per function, which is all that the function loads.

A module imports everything its function needs, so that this happens while Lambda makes the
sandbox (and before a snapshot is taken), not during the first request. Nothing is made and no
environment is read until the maker is called, which gives a WiredFunction.
"""
