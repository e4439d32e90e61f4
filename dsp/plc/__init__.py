"""Packet loss concealment, one kind a file; see `base` for what a file must provide."""

from dsp.plc.base import ConcealerSpec, LossConcealer, concealers

concealers.scan(__name__, __path__)

__all__ = ["ConcealerSpec", "LossConcealer", "concealers"]
