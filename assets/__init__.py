"""The Dagster assets, one module a stage, in the order of the data.

What belongs here: for each stage, what it takes in, the one computation it calls, and what it writes and reports. What
does not: the computation (`rating/`), SQL (`sql/steps/`), effects (`resources/`), jobs and checks (`pipelines/`).
"""
