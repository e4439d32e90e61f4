"""Times as a ladder shows them."""

from datetime import UTC, datetime


def clock_of(at: float) -> str:
    """Seconds since 1970 as ``2026-01-01 12:00:00.000 UTC``."""
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{milliseconds:03d} UTC"
