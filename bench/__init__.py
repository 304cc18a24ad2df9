"""Benchmarks of Tillgate against the floor, and against what people would write instead."""
