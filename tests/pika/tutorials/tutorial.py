"""What the tutorials share: the module they are run against, and where it connects to."""

from __future__ import annotations

import importlib
import os
import signal

# A shell's background job has it ignored, and so have the programs that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

pika = importlib.import_module(os.environ["TUTORIAL_PIKA"])


def connect():
    return pika.BlockingConnection(pika.URLParameters(os.environ["TUTORIAL_URL"]))


def name(text: str) -> str:
    """A name that no other run has."""
    return text + os.environ["TUTORIAL_NAMES"]


def consume_until_interrupted(channel) -> None:
    """Says that it waits, and serves the channel's consumers until Ctrl-C."""
    print("waiting for messages")
    try:
        channel.start_consuming()
    except KeyboardInterrupt:
        channel.stop_consuming()
    channel.connection.close()
    print("closed")
