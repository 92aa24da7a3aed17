"""What runs the stages: definitions, jobs, schedules, sensors, checks, the `meterbook` command and its demo.

Here belongs how and when work is started and what a person types. How a number comes about does not: that is
`rating/`, and the stages themselves are `assets/`.
"""
