"""Conversions between the field's units."""


def samples_of_ms(duration_ms: float, sample_rate_hz: int) -> int:
    """Whole samples within *duration_ms*."""
    return int(duration_ms * sample_rate_hz / 1000)
