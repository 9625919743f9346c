"""What calls of a channel return: a method, and the channel that it came on."""

from __future__ import annotations


class Method:
    """The answer to a call; `method` is one of those in `spec`."""

    __slots__ = ("channel_number", "method")

    def __init__(self, channel_number: int, method: object) -> None:
        self.channel_number = channel_number
        self.method = method

    def __repr__(self) -> str:
        return f"<METHOD(['channel_number={self.channel_number}', 'method={self.method}'])>"
