"""Holds towpath.pika equal to pika over RabbitMQ: the same cases against both, note by note.

    pytest compare.py                  both live, and the recording still says what RabbitMQ does
    pytest compare.py --recorded DIR   towpath.pika against what was recorded; needs no broker
    pytest compare.py --only pika      RabbitMQ against the recording, without towpath.pika
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from broker import Broker
from runner import Target, all_cases, run
from transcript import line

FACADE = Target("towpath.pika")
# Cases that are not equal, and why; docs/from_rabbitmq.md says so to users.
DIFFERS = {
    "limits.the_length_in_bytes": "x-max-length-bytes is refused: the bus counts messages",
    "consuming.two_connections_take_turns": "messages are handed out to who asks for them, and one "
                                            "of these two asks alone",
}
RECORDED = Path(__file__).resolve().parent / "recorded"


def recording(folder: Path, name: str) -> list[list]:
    """What RabbitMQ did in a case when it was last recorded."""
    subject, _, case = name.partition(".")
    return json.loads((folder / f"{subject}.json").read_text(encoding="utf-8"))[case]


def difference(expected: list[list], actual: list[list], names: tuple[str, str]) -> str:
    """Both transcripts as a diff; "" when they are equal."""
    if expected == actual:
        return ""
    diff = difflib.unified_diff([*map(line, expected)], [*map(line, actual)], *names,
                                n=100, lineterm="")  # fmt: skip
    return "\n".join(diff)


@pytest.fixture(scope="session")
def rabbitmq(request: pytest.FixtureRequest):
    """The broker of the session, which is started by the first case; None with --recorded."""
    if request.config.getoption("recorded"):
        yield None
        return
    with Broker() as broker:
        yield Target("pika", broker.port)


@pytest.mark.parametrize("name", all_cases())
def test_case(name: str, rabbitmq: Target | None, request: pytest.FixtureRequest) -> None:
    case = all_cases()[name]
    recorded = recording(Path(request.config.getoption("recorded") or RECORDED), name)
    expected = recorded
    if rabbitmq:
        expected = run(case, rabbitmq)
        changed = difference(recorded, expected, ("recorded", "RabbitMQ"))
        assert not changed, f"RabbitMQ does what is not recorded (record.py)\n{changed}"
    if request.config.getoption("only") != "pika":
        differs = difference(expected, run(case, FACADE), ("RabbitMQ", "towpath.pika"))
        if name in DIFFERS:
            assert differs, "equal by now: no more one of DIFFERS"
            pytest.xfail(DIFFERS[name])
        assert not differs, f"towpath.pika differs\n{differs}"
