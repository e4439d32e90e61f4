"""What a capture held, and what of it could not be read: counted, for the reader's warnings."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class CaptureStats:
    """Counters of one pass through a capture file."""

    format: str = ""
    """``pcap`` or ``pcapng``."""
    bytes_read: int = 0
    frames: int = 0
    first_at: float | None = None
    """Time of the first frame, seconds since 1970."""
    last_at: float | None = None
    """The latest time of any frame."""
    backwards: int = 0
    """Frames stamped earlier than the frame before them."""
    cut: int = 0
    """Frames of which the capture holds less than was on the wire (snap length)."""
    untimed: int = 0
    """Frames without a time of their own (simple packet blocks); they get that of the frame before."""
    truncated: bool = False
    """Whether the file ends in the middle of a record."""
    damaged: int = 0
    """Places where the file's own structure is broken; reading goes on at the next record that makes sense."""
    damaged_bytes: int = 0
    """Passed over at these places."""
    unknown_blocks: int = 0
    """Blocks of pcapng that hold no packet and mean nothing here."""
    unknown_interfaces: int = 0
    """Frames of an interface that the file does not describe."""
    dropped_by_capture: int = 0
    """Packets that the capturing machine says it has missed (pcapng, interface statistics)."""
    link_types: Counter[int] = field(default_factory=Counter)
    """Frames by link type, of types that are not known here."""
    not_ip: int = 0
    """Frames of another protocol than IP (ARP and so on)."""
    bad_ip: int = 0
    """IP headers that make no sense or are cut."""
    encrypted_ip: int = 0
    """IP packets of IPsec (ESP)."""
    fragments: int = 0
    reassembled: int = 0
    """Datagrams put together from fragments."""
    unfinished: int = 0
    """Datagrams of which a fragment is missing."""
    bad_udp: int = 0
    datagrams: int = 0
    """UDP."""
    segments: int = 0
    """TCP."""
