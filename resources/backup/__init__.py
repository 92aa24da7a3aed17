"""Backups of a project, and restoring them.

What belongs here: copying everything that could not be made again: the lake as one snapshot of its catalog has it, and
the files around it. What does not: keeping the lake small (`upkeep.py`) and schedules.

    backup(settings, target)                 again and again to one target: only what is new is copied
    restore_settings(source, directory)      on another machine: meterbook.toml first
    restore(source, load_settings(directory))

A backup is a folder of files that are written once and never changed, and `manifest.json`, which names each with its
size and SHA-256 and is put in place last, in one step. So a backup that was broken off leaves the one before it whole,
and the first one leaves nothing that `restore` would take.
"""

from resources.backup.restoring import restore, restore_settings
from resources.backup.taking import backup

__all__ = ["backup", "restore", "restore_settings"]
