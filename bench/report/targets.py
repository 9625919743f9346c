"""What Towpath must reach, and whether it does in these results."""

from dataclasses import dataclass

import checks
from checks import SMALL, STREAM, Check, Finding, Lookup, Where
from results import Row

KIB, MIB = 1 << 10, 1 << 20
ONE_KIB = Where("latency", KIB, "1to1")
TWO_PUBLISHERS = Where("stream", 48, "2to1")
TAKING_TURNS = Where("latency", 48, "2to1")


@dataclass(frozen=True)
class Target:
    measure: str
    wanted: str
    check: Check


TARGETS = (
    Target(
        "8 to 48 B one way, `one`",
        "<= 1.10x the floor",
        checks.ratio_within(1.10, "one", where=(Where("latency", 8, "1to1"), SMALL)),
    ),
    Target("48 B one way, `one`", "<= 0.85x Aeron", checks.share_of("Aeron", 0.85, SMALL, "one")),
    Target(
        "48 B one way, `one`", "<= 0.4x iceoryx2", checks.share_of("iceoryx2", 0.4, SMALL, "one")
    ),
    Target(
        "48 B one way, `many`, one active",
        "<= 1.25x the floor NEAR, 1.15x FAR",
        checks.ratio_within({"NEAR": 1.25, "FAR": 1.15}, "many"),
    ),
    Target(
        "48 B one way, `many`, publishers take turns",
        "<= 1.6x the floor",
        checks.ratio_within(1.6, where=(TAKING_TURNS,)),
    ),
    Target("p99 / p50, spinning, 48 B", "<= 1.5x", checks.tail_within(1.5, "one", "many")),
    Target(
        "112 B one way, inline",
        "<= 1.2x the floor",
        checks.ratio_within(1.2, where=(Where("latency", 112, "1to1"),)),
    ),
    Target(
        "1 KiB one way",
        "<= 1.25x an SPSC ring that copies",
        checks.share_of("boost spsc_queue", 1.25, ONE_KIB, "one"),
    ),
    Target("1 KiB one way", "<= 1x Aeron", checks.share_of("Aeron", 1.0, ONE_KIB, "one")),
    Target(
        "descriptor of a large message, untouched",
        "<= 1.2x 48 B",
        checks.untouched_against_small(1.2),
    ),
    Target(
        "descriptor of a large message, untouched",
        "flat from 64 KiB to 8 MiB: <= 1.2x",
        checks.untouched_is_flat(1.2),
    ),
    Target(
        "64 KiB written and read whole", "<= the best of all others", checks.best_of_all(64 * KIB)
    ),
    Target("1 MiB written and read whole", "<= the best of all others", checks.best_of_all(MIB)),
    Target(
        "8 MiB written and read whole", "<= the best of all others", checks.best_of_all(8 * MIB)
    ),
    Target(
        "48 B stream, `many`, live reader",
        "<= 16 ns NEAR, 35 ns FAR",
        checks.p50_within({"NEAR": 16, "FAR": 35}, "ns", STREAM, "many", "many take()"),
    ),
    Target("48 B stream, two publishers", "<= 40 ns", checks.p50_within(40, "ns", TWO_PUBLISHERS)),
    Target(
        "48 B stream, two publishers in one order",
        ">= 1x Aeron's rate",
        checks.rate_of("Aeron", 1.0, where=TWO_PUBLISHERS),
    ),
    Target(
        "48 B stream, `one`",
        ">= 0.9x the rate of an SPSC ring as deep",
        checks.rate_of("boost spsc_queue", 0.9, "one", "one take()"),
    ),
    Target(
        "48 B stream, `one`",
        ">= 10x iceoryx2's rate",
        checks.rate_of("iceoryx2", 10, "one", "one take()"),
    ),
    Target(
        "48 B stream, `one`",
        ">= 1x Aeron's rate in its first pass",
        checks.rate_of("Aeron", 1.0, "one", "one take()", first_pass=True),
    ),
    Target(
        "48 B stream, `one`",
        ">= 1x Aeron's steady rate, the ring being as deep",
        checks.rate_of("Aeron", 1.0, "one take() 64 MiB deep"),
    ),
    Target(
        "48 B in batches of 64, `one`",
        "<= 4 ns NEAR, 17 ns FAR",
        checks.p50_within({"NEAR": 4, "FAR": 17}, "ns", STREAM, "one batch 64"),
    ),
    Target(
        "cost of 64 subscribers to the publisher",
        "<= 1.1x that of one",
        checks.cost_of_subscribers(1.1),
    ),
    Target("cost of notification when nobody sleeps", "<= 1 ns", checks.not_measured),
    Target(
        "sleeping receiver",
        "<= 1.1x a bare futex",
        checks.ratio_within(1.1, where=(Where("asleep_vs_futex"),)),
    ),
    Target(
        "group, 2 consumers, runs of 8, leased and acked", "<= 40 ns a message", checks.not_measured
    ),
    Target(
        "open bus, topic, first message",
        "<= 2 ms",
        checks.p50_within(2, "ms", Where("open_to_first_message")),
    ),
    Target(
        "private memory of a process that joined",
        "<= 1024 KiB",
        checks.p50_within(1024, "KiB", Where("joined_memory")),
    ),
    Target("idle bus, 100 sleeping subscribers", "0.0 % CPU", checks.not_measured),
    Target(
        "survivor blocked by a killed peer, no supervisor",
        "<= 60 ms",
        checks.p50_within(60, "ms", Where("recovery", variant="subscriber killed")),
    ),
    Target(
        "survivor blocked by a killed peer, with a supervisor",
        "<= 2 ms",
        checks.p50_within(2, "ms", Where("recovery", variant="subscriber killed, towd")),
    ),
)


def verdicts(rows: tuple[Row, ...]) -> list[tuple[Target, str, Finding | None]]:
    """Each target with what was found, once a placement; without one when it was not measured."""
    looks = [Lookup(rows, placement) for placement in ("NEAR", "FAR", "")]
    lines: list[tuple[Target, str, Finding | None]] = []
    for target in TARGETS:
        found = [(look.placement, target.check(look)) for look in looks]
        kept = [(target, placement, finding) for placement, finding in found if finding]
        lines += kept or [(target, "", None)]
    return lines
