"""How an endpoint writes what it sends: at length, short, or short and packed with a dictionary."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SipStyle:
    """A frozen choice; what is read is the same in every style."""

    compact: bool = False
    """Compact header names (RFC 3261 section 7.3.3), and no header field that a call can do without."""
    dictionary: bool = False
    """Pack what goes to peers that were asked for it, or that pack themselves, and read what is packed.

    Such an endpoint writes as with `compact`, but for Accept, which costs nearly nothing when it is packed.
    """

    @property
    def is_compact(self) -> bool:
        """Whether messages are written short."""
        return self.compact or self.dictionary

    @property
    def says_what_it_accepts(self) -> bool:
        """Whether INVITE and its 2xx list the media types that are taken."""
        return self.dictionary or not self.compact
