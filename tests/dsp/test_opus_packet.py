"""Opus packet headers (RFC 6716 section 3) made by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import BitstreamError
from dsp.opus_packet import has_fec, packet_samples, packet_units


def toc(config: int, code: int, *, stereo: bool = False) -> int:
    return config << 3 | stereo << 2 | code


@pytest.mark.parametrize(
    ("config", "ms"),
    [
        (0, 10),
        (3, 60),
        (7, 60),
        (9, 20),
        (11, 60),
        (12, 10),
        (15, 20),
        (16, 2.5),
        (19, 20),
        (29, 5),
        (31, 20),
    ],
)
def test_the_frame_length_follows_the_configuration(config: int, ms: float) -> None:
    assert packet_samples(bytes([toc(config, 0), 1, 2, 3]), 48000) == 48 * ms
    if ms < 60 or config < 12:
        assert packet_samples(bytes([toc(config, 1), 1, 2]), 16000) == 32 * ms
    assert packet_samples(bytes([toc(config, 2), 1, 1, 2]), 8000) == 16 * ms


def test_code_3_says_its_number_of_frames() -> None:
    assert packet_units(bytes([toc(16, 3), 48]) + bytes(48)) == 48
    assert packet_units(bytes([toc(1, 3), 0xC0 | 6, 0]) + bytes(20)) == 48


@pytest.mark.parametrize(
    "payload",
    [
        b"",  # R1
        bytes([toc(0, 3)]),  # R6
        bytes([toc(0, 3), 0]),
        bytes([toc(0, 3), 0xC0]),
        bytes([toc(3, 3), 3]) + bytes(3),  # R5: 180 ms
        bytes([toc(16, 3), 49]) + bytes(49),
    ],
)
def test_headers_against_the_rules_are_refused(payload: bytes) -> None:
    with pytest.raises(BitstreamError):
        packet_units(payload)


@pytest.mark.parametrize(
    ("config", "stereo", "flag"),
    [
        # Section 4.2.3: one voice activity bit per 20 ms, then the LBRR bit, then the same of the side.
        (8, False, 0b0100_0000),
        (9, False, 0b0100_0000),
        (10, False, 0b0010_0000),
        (11, False, 0b0001_0000),
        (13, False, 0b0100_0000),
        (9, True, 0b0100_0000),
        (9, True, 0b0001_0000),
        (11, True, 0b0000_0001),
    ],
)
def test_fec_is_told_by_one_bit(config: int, stereo: bool, flag: int) -> None:
    head = toc(config, 0, stereo=stereo)
    assert has_fec(bytes([head, flag, 5]))
    others = 0xFF & ~flag
    if stereo:
        others &= ~(0b0101_0000 if config == 9 else 0b0001_0001)
    assert not has_fec(bytes([head, others, 5]))


def test_fec_is_found_behind_each_kind_of_frame_length() -> None:
    flag = 0b0100_0000
    assert has_fec(bytes([toc(9, 1), flag, 1, flag, 1]))
    assert has_fec(bytes([toc(9, 2), 2, flag, 1, 9]))
    assert has_fec(bytes([toc(9, 2), 252, 0, flag]) + bytes(251))
    assert has_fec(bytes([toc(9, 3), 2, flag, 1]))
    assert has_fec(bytes([toc(9, 3), 0x80 | 3, 1, 252, 0, flag]) + bytes(300))
    assert has_fec(bytes([toc(9, 3), 0x40 | 1, 255, 3, flag]) + bytes(260))
    assert not has_fec(bytes([toc(9, 3), 0x40 | 1, 255, 3, 0x80, flag]) + bytes(260))


def test_celt_and_empty_frames_carry_no_fec() -> None:
    assert not has_fec(bytes([toc(16, 0), 0xFF]))
    assert not has_fec(b"")
    assert not has_fec(bytes([toc(9, 0)]))
    assert not has_fec(bytes([toc(9, 2), 0, 0xFF]))
    assert not has_fec(bytes([toc(9, 3)]))
    assert not has_fec(bytes([toc(9, 3), 0x80 | 2, 0, 0xFF]))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_have_a_duration_or_the_one_error(payload: bytes) -> None:
    has_fec(payload)
    try:
        units = packet_units(payload)
    except BitstreamError:
        return
    assert 1 <= units <= 48
    assert packet_samples(payload, 48000) == 120 * units
