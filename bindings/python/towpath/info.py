"""What a bus says of itself: frozen dataclasses. Durations and points in time are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HealReport:
    """What Bus.heal() repaired of dead processes."""

    participants: int
    """Dead processes whose entries were freed."""
    lanes: int
    """Lanes of dead publishers made adoptable."""
    readers: int
    """Pages of dead subscribers freed."""
    consumers: int
    """Dead consumers, whose leases were given back."""
    leftovers: int
    """Directories of removed topics deleted."""


@dataclass(frozen=True)
class ProcessInfo:
    """A process that has joined a bus."""

    uid: int
    pid: int
    """In its own PID namespace; 0: unknown."""
    alive: bool
    """By its lock."""
    joined: float
    """As time.time() counts."""
    command: str
    """As in /proc/<pid>/comm."""


@dataclass(frozen=True)
class PublisherInfo:
    """A publisher of a topic."""

    lane: int
    process: ProcessInfo | None
    published: int
    adoptions: int


@dataclass(frozen=True)
class SubscriberInfo:
    """A subscriber of a topic."""

    number: int
    process: ProcessInfo | None
    lossy: bool
    evicted: bool
    cursor: int
    lag: int
    max_lag: int
    received: int
    gaps: int
    lost: int
    held: int
    latency_samples: int
    p50: float
    """Of the times from commit to take, as p99 and p999; 0 without samples."""
    p99: float
    p999: float


@dataclass(frozen=True)
class ConsumerInfo:
    """A consumer of a group."""

    number: int
    process: ProcessInfo | None
    leased: int
    started: int
    taken: int
    acked: int


@dataclass(frozen=True)
class GroupOptions:
    """What a group is, fixed when it was made. Texts are empty when they were not given."""

    mode: str
    max_attempts: int
    lease: float
    backoff: float
    max_backoff: float
    time_to_live: float
    max_length: int
    overflow: str
    by_priority: bool
    key_pattern: str
    tag: str
    dead_letter: str
    drop_when_dead_letters_full: bool


@dataclass(frozen=True)
class GroupInfo:
    """A group, as it is now."""

    name: str
    options: GroupOptions
    paused: bool
    low: int
    last: int
    lag: int
    ready: int
    leased: int
    started: int
    delayed: int
    dead: int
    settling: int
    oldest_age: float
    retried: int
    returned: int
    expired: int
    dropped: int
    gave_up: int
    lost: int
    filtered: int
    seeks: int
    left_dead: str
    consumers: tuple[ConsumerInfo, ...]


@dataclass(frozen=True)
class TopicInfo:
    """A topic, as it is now."""

    name: str
    publishers_kind: str
    """"one" or "many"."""
    asked_depth: int
    slot_count: int
    lane_slot_count: int
    slot_bytes: int
    max_message_bytes: int
    pool_bytes: int
    max_publishers: int
    max_subscribers: int
    stamps: str
    huge_pages: bool
    type_name: str
    type_bytes: int
    removed: bool
    oldest: int
    last: int
    dropped: int
    file_bytes: int
    publishers: tuple[PublisherInfo, ...]
    subscribers: tuple[SubscriberInfo, ...]
    groups: tuple[GroupInfo, ...]


@dataclass(frozen=True)
class Binding:
    """One way out of an exchange."""

    to: str
    """"queue" or "exchange"."""
    destination: str
    key: str
    arguments: dict[str, Any]
