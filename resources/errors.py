"""The errors of the effects: one small tree.

MeterbookError
└── ResourceError
    ├── LakeError            the lake cannot be opened, or is not what it should be
    │   ├── LakeMissingError     there is no lake yet
    │   └── LockTimeoutError     another writer has held the lock too long
    ├── BackupError          a backup cannot be made, or cannot be restored
    ├── ReferenceDataError   a row of reference data that cannot be taken
    └── UnreadableFileError  a landed file that cannot be read whole
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


class BackupError(ResourceError):
    """A backup cannot be made or restored; what was there before is untouched."""


class ReferenceDataError(ResourceError):
    """Reference data (accounts, subscriptions, grants) that cannot be taken; nothing of it was."""


class UnreadableFileError(ResourceError):
    """A landed file that cannot be read whole; the message says why, and what to do."""
