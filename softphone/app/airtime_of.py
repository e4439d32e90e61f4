"""Airtime of measured packets, as the meter of `softphone.radio` reckons it."""

from collections.abc import Mapping, Sequence
from typing import Any

from softphone.io.dsp_faults import told_to_the_user
from softphone.radio import DEFAULT_RADIO, RadioInUse, Traffic, measure


def airtime_of(rows: Sequence[Mapping[str, Any]], radio: str = DEFAULT_RADIO) -> dict[str, Any] | None:
    """The `airtime` object of a conversation whose sides both send the packets of *rows*; None where there are none.

    Args:
        rows: each with ``datagrams``, {bytes with IP header: how many}, and ``carried_s``, the time they took.
        radio: ``technology`` or ``technology:rate in Mb/s``.

    Raises:
        UsageError: no such technology or rate.
    """
    with told_to_the_user("--radio"):
        chosen = RadioInUse.parse(radio)
    sizes: dict[float, float] = {}
    seconds = 0.0
    for row in rows:
        if row.get("datagrams") and row.get("carried_s"):
            seconds += row["carried_s"]
            for size, count in row["datagrams"].items():
                sizes[float(size)] = sizes.get(float(size), 0.0) + count
    if not sizes or seconds <= 0:
        return None
    return measure(chosen, Traffic(sizes, sizes), seconds=seconds)
