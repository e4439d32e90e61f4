"""What one side would like to receive."""

from dataclasses import dataclass

from softphone.rtp.errors import LocalRtpError

MODES = ("normal", "vlc", "vlr")
"""A mode's place is its number on the wire."""
MAX_BIT_RATE_BPS = (1 << 24) - 1
MAX_PTIME_MS = 255
MAX_CREDIT = 15


@dataclass(frozen=True, slots=True)
class ModeWish:
    """A mode of the other direction; what is None is left to the sender.

    Raises:
        LocalRtpError: if a field is out of range.
    """

    mode: str
    """One of `MODES`."""
    payload_type: int | None = None
    """As the receiver numbers it, 0 to 127."""
    bit_rate_bps: int | None = None
    """Limit of the payloads, 1 to `MAX_BIT_RATE_BPS`."""
    ptime_ms: int | None = None
    """Packet interval, 1 to `MAX_PTIME_MS`."""
    credit: int = 0
    """Packet intervals in a row that may be left out, 0 to `MAX_CREDIT`."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise LocalRtpError(f"mode must be one of {', '.join(MODES)}, got {self.mode!r}")
        for name, value, lowest, highest in (
            ("payload type", self.payload_type, 0, 127),
            ("bit rate in bit/s", self.bit_rate_bps, 1, MAX_BIT_RATE_BPS),
            ("packet interval in ms", self.ptime_ms, 1, MAX_PTIME_MS),
            ("credit", self.credit, 0, MAX_CREDIT),
        ):
            if value is not None and not lowest <= value <= highest:
                raise LocalRtpError(f"{name} wished must be {lowest} to {highest}, got {value}")
