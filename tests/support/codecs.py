"""Which codecs the tests run with."""

import os

from dsp.errors import LibraryMissing
from softphone.io.libraries import codecs


def names() -> tuple[str, ...]:
    """Every registered codec; without SOFTPHONE_PEERS_REQUIRED only those whose library is here."""
    required = bool(os.environ.get("SOFTPHONE_PEERS_REQUIRED"))
    return tuple(name for name in codecs().names() if required or _is_served(name))


def _is_served(name: str) -> bool:
    try:
        codecs().get(name).library()
    except LibraryMissing:
        return False
    return True
