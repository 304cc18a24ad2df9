"""Tillgate: takes in point-of-sale events, keeps each exactly once, delivers each onward."""

__version__ = "0.1.0"
