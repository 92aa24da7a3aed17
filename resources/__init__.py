"""The effects that assets are given: the lake, settings, clock, mailer.

What belongs here: whatever touches a disk, a network, the environment or the time, each behind a small interface that
a test can fill with something real of its own. What does not: any rule about quantities or money (`rating/`), and when
things run (`pipelines/`).
"""
