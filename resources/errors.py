"""The errors of the effects: one small tree.

MeterbookError
└── ResourceError
    ├── LakeError            the lake cannot be opened, or is not what it should be
    │   ├── LakeMissingError     there is no lake yet
    │   └── LockTimeoutError     another writer has held the lock too long
    └── ReferenceError       (see reference.py) a row of reference data that cannot be taken
"""

from rating.errors import MeterbookError


class ResourceError(MeterbookError):
    """Something outside the engine is not as it should be; the message says what to do."""


class LakeError(ResourceError):
    """The lake cannot be opened, or holds what it must not."""


class LakeMissingError(LakeError):
    """There is no lake at the place that the settings name."""


class LockTimeoutError(LakeError):
    """Another writer has held the writer's lock for longer than any commit takes."""


class ReferenceDataError(ResourceError):
    """Reference data (accounts, subscriptions, grants) that cannot be taken; nothing of it was."""
