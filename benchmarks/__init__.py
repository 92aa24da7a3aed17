"""Measurements of the pipeline against what the machine can do: `make bench`, `python -m benchmarks`.

What belongs here: making data of a known size and shape, measuring, printing. What does not: the pipeline, and tests
(`tests/benchmarks` runs these at a small size).
"""
