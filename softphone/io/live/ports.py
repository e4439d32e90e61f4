"""The port that options ask for."""

from softphone.io.live.device_port import DevicePort
from softphone.io.live.null_port import NullPort, is_null
from softphone.io.live.port import Port


def device_port(
    in_device: str | None, out_device: str | None, sample_rate_hz: int, *, block_ms: float
) -> Port:
    """The port from one sound device to another; where one is ``null`` and the other not named, no device at all.

    Args:
        in_device: name, number or ``default``; None: the system's; ``null`` and ``null:tone=HZ``: a clock alone.
        out_device: the same, without a tone.
        sample_rate_hz: rate of the chain.
        block_ms: length of a block.

    Raises:
        UsageError: no such device.
        EnvironmentProblem: no PortAudio, or no device at all.
    """
    in_null, out_null = is_null(in_device), is_null(out_device)
    if (in_null and (out_null or out_device is None)) or (out_null and in_device is None):
        return NullPort(in_device or "null", sample_rate_hz, block_ms=block_ms)
    return DevicePort(in_device, out_device, sample_rate_hz, block_ms=block_ms)
