"""Types that programs see in what they are delivered."""

from __future__ import annotations


class long(int):  # noqa: N801 - the name is pika's
    """An integer of a table that takes more than 32 bits."""

    def __repr__(self) -> str:
        return f"{int(self)}L"

    __str__ = int.__repr__
