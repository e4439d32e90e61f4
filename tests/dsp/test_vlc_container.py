"""Files of VLC packets: there and back, repeats, cut off, damaged, newer."""

import numpy as np
import pytest

from dsp.codecs.vlc.container import Recording, read_file, write_file
from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE, Model, PacketParameters
from dsp.codecs.vlc.packet import PacketCoder
from dsp.errors import BitstreamError, ParameterError


def _payloads(model: Model, milliseconds: int, levels_db: list[float], step: int = 12) -> tuple[bytes, ...]:
    """One payload for each mean level; each sounds otherwise by more than the level."""
    coder = PacketCoder(model, milliseconds)
    frames = milliseconds // 8
    made = []
    for level in levels_db:
        tilt = np.cos(np.arange(model.bands) * level / 40.0) * 12.0
        levels = np.tile((level + tilt).astype(np.float32), (frames, 1))
        voicing = np.full((frames, model.voicing_bands), 0.5, np.float32)
        f0 = np.full(frames, 120.0, np.float32)
        made.append(coder.encode(PacketParameters(levels, voicing, f0, np.ones(frames, np.bool_)), step))
    return tuple(made)


@pytest.mark.parametrize("model", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("milliseconds", PACKETS_MS)
def test_what_is_written_is_read_again(model: Model, milliseconds: int) -> None:
    payloads = (
        *_payloads(model, milliseconds, [-30.0, -44.0, -61.0]),
        *_payloads(model, milliseconds, [-20.0], 0),
    )
    data = write_file(Recording(model, milliseconds, 12345, payloads))
    back = read_file(data)
    assert (back.model, back.packet_ms, back.samples, back.payloads) == (model, milliseconds, 12345, payloads)


def test_a_payload_of_254_bytes_and_more_has_its_size_in_two() -> None:
    long = PacketCoder(NARROW, 64)
    payload = bytes((3,)) + np.random.default_rng(1).bytes(300)
    long.decode(payload)
    assert read_file(write_file(Recording(NARROW, 64, 512, (payload,)))).payloads == (payload,)


def test_a_packet_like_an_earlier_one_takes_two_bytes() -> None:
    spoken = _payloads(NARROW, 128, [-30.0, -44.0, -61.0])
    once = len(write_file(Recording(NARROW, 128, 3072, spoken)))
    again = write_file(Recording(NARROW, 128, 4096, (*spoken, spoken[0])))
    assert len(again) == once + 2
    assert again[-2:] == bytes((0, 3))
    assert read_file(again).payloads[-1] == spoken[0]


def test_nearly_the_same_is_the_same_unless_told_otherwise() -> None:
    coder = PacketCoder(NARROW, 128)
    given = coder.decode(*_payloads(NARROW, 128, [-44.0]))
    assert isinstance(given, PacketParameters)
    # A unit of the gain is 0.875 dB.
    louder = PacketParameters(given.levels_db + np.float32(0.875), given.voicing, given.f0_hz, given.voiced)
    near = (coder.encode(given, 12), coder.encode(louder, 12))
    assert near[0] != near[1]
    assert read_file(write_file(Recording(NARROW, 128, 2048, near))).payloads == (near[0], near[0])
    assert read_file(write_file(Recording(NARROW, 128, 2048, near), near_db=0.0)).payloads == near


def test_repeats_of_repeats_do_not_wander_off() -> None:
    steps = [-44.0 - 0.5 * n for n in range(24)]
    kept = read_file(
        write_file(Recording(NARROW, 64, 24 * 512, _payloads(NARROW, 64, steps, 2)), near_db=2.0)
    ).payloads
    coder = PacketCoder(NARROW, 64)
    for level, payload in zip(steps, kept, strict=True):
        tilt = np.cos(np.arange(NARROW.bands) * level / 40.0) * 12.0
        off = coder.decode_integers(payload).levels / 256.0 - (level + tilt)
        assert np.sqrt(np.mean(off**2)) < 3.0  # 2 dB asked for, and the step's own error


def test_a_descriptor_of_silence_repeats_too() -> None:
    payload = PacketCoder(NARROW, 96).write_silence(np.full(32, -70.0, np.float32))
    data = write_file(Recording(NARROW, 96, 3 * 768, (payload,) * 3))
    assert read_file(data).payloads == (payload,) * 3
    assert len(data) == 12 + 1 + len(payload) + 2 + 2


def test_of_a_file_cut_off_anywhere_what_is_whole_is_read() -> None:
    payloads = _payloads(NARROW, 128, [-30.0, -44.0, -61.0, -30.0])
    data = write_file(Recording(NARROW, 128, 4096, payloads))
    counts = []
    for size in range(12, len(data) + 1):
        back = read_file(data[:size])
        assert back.payloads == payloads[: len(back.payloads)]
        counts.append(len(back.payloads))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 4)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no VLC file"),
        (b"RIFF" + bytes(40), "no VLC file: it starts with b'RIFF', wanted b'SVLC'"),
        (b"SVLC\x01", "its header alone takes 12"),
        (b"SVLC\x02" + bytes(7), "version 2: this program reads version 1"),
        (b"SVLC\x01\x02\x00\x00" + bytes(4), "model 2"),
        (b"SVLC\x01\x00\x04\x00" + bytes(4), "packet 4"),
        (b"SVLC\x01\x00\x00\x00" + bytes(4) + b"\x00\x01", "repeats the one 1 back"),
        (b"SVLC\x01\x00\x00\x00" + bytes(4) + b"\xff", "record of kind 255"),
        (b"SVLC\x01\x00\x00\x00" + bytes(4) + b"\x01\x41", "lasts 96 ms, wanted 64"),
        (b"SVLC\x01\x00\x00\x00" + bytes(4) + b"\x01\x3f", "kind 63"),
    ],
)
def test_what_is_no_file_of_ours_is_refused_in_one_line(data: bytes, says: str) -> None:
    with pytest.raises(BitstreamError, match=says) as refused:
        read_file(data)
    assert "\n" not in str(refused.value)


def test_payloads_of_another_length_are_refused() -> None:
    with pytest.raises(ParameterError, match="wanted payloads of 64 ms, got one of 128 ms"):
        write_file(Recording(NARROW, 64, 512, _payloads(NARROW, 128, [-40.0])))
    with pytest.raises(ParameterError, match="samples, got -1"):
        write_file(Recording(NARROW, 64, -1, ()))
