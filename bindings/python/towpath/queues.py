"""Queues: a topic with one group, as one thing."""

from __future__ import annotations

from typing import Any

from towpath._towpath import Consumer, Group, Publisher, Topic
from towpath.info import GroupInfo


class Queue:
    """A topic with the group "queue", made by Bus.queue(). Each message goes to one consumer, until
    it is settled. Any number of threads may use it. It lives in the topic's files and needs no
    process; Bus.remove_topic() ends it. What was made from it may outlive it."""

    def __init__(self, topic: Topic, group: Group) -> None:
        self._topic = topic
        self._group = group

    @property
    def name(self) -> str:
        """Its name, which is the topic's."""
        return self._topic.name

    @property
    def topic(self) -> Topic:
        """Its topic, for what else can be done with it."""
        return self._topic

    @property
    def group(self) -> Group:
        """Its group, for what else can be done with it."""
        return self._group

    def publisher(self, **options: Any) -> Publisher:
        """A publisher, as of Topic.publisher()."""
        return self._topic.publisher(**options)

    def consumer(self, **options: Any) -> Consumer:
        """A consumer, as of Group.consumer()."""
        return self._group.consumer(**options)

    def info(self) -> GroupInfo:
        """What its group is and does, now."""
        return self._group.info()

    def close(self) -> None:
        """Closes topic and group; again without effect."""
        self._group.close()
        self._topic.close()

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._topic.closed

    def __enter__(self) -> Queue:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<Queue, closed>" if self.closed else f"<Queue {self.name!r}>"
