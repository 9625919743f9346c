"""Towpath: a shared-memory message bus for the processes of one Linux host."""

from __future__ import annotations

from towpath._towpath import Bus, Message, Start, Topic, __version__
from towpath.errors import *  # noqa: F403

