"""VLC's payloads: kernel against its twin, any bytes, what a packet keeps of its parameters."""

import itertools

import numpy as np
import pytest
from support.vlc_reference import quantized, read_symbols, rebuild, write_symbols

from dsp._native import VlcPacketCoder
from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE, Model, PacketParameters
from dsp.codecs.vlc.packet import PacketCoder, SilenceDescriptor, is_silence, packet_ms, payload_samples
from dsp.codecs.vlc.tables import STEPS, tables
from dsp.errors import BitstreamError, ParameterError

CODERS = [PacketCoder(model, ms) for model in (NARROW, WIDE) for ms in PACKETS_MS]


def _name(coder: PacketCoder) -> str:
    return f"{coder.model.name}-{coder.packet_ms}"


def parameters(model: Model, frames: int, seed: int, spread_db: float = 8.0) -> PacketParameters:
    """Levels that wander over time and frequency, as speech does more or less."""
    rng = np.random.default_rng(seed)
    ripple = (
        rng.standard_normal((frames, model.bands)).cumsum(axis=0) + rng.standard_normal(model.bands).cumsum()
    )
    voiced = np.repeat(rng.random(frames // 2) > 0.4, 2)
    return PacketParameters(
        levels_db=(-50.0 + spread_db * (ripple - ripple.mean()) / ripple.std()).astype(np.float32),
        voicing=rng.uniform(size=(frames, model.voicing_bands)).astype(np.float32),
        f0_hz=np.repeat(100.0 * 2.0 ** rng.normal(0, 0.05, frames // 2).cumsum(), 2).astype(np.float32),
        voiced=voiced,
    )


def _at(coder: PacketCoder, hop_ms: int = 8, **more: float) -> PacketParameters:
    wide = parameters(coder.model, coder.packet_ms // 8, coder.packet_ms, **more)
    if hop_ms == 8:
        return wide
    return PacketParameters(
        levels_db=np.ascontiguousarray(wide.levels_db[::2]),
        voicing=np.ascontiguousarray(wide.voicing[::2]),
        f0_hz=np.ascontiguousarray(wide.f0_hz[::2]),
        voiced=np.ascontiguousarray(wide.voiced[::2]),
    )


@pytest.mark.parametrize("coder", CODERS, ids=_name)
@pytest.mark.parametrize("hop_ms", [8, 16])
def test_the_kernel_decodes_to_the_integers_of_its_twin(coder: PacketCoder, hop_ms: int) -> None:
    table = tables(coder.model, coder.packet_ms)
    for step in (0, 13, STEPS - 1):
        payload = coder.encode(_at(coder, hop_ms), step)
        symbols = read_symbols(table, payload)
        for out_ms in (8, 16):
            got = coder.decode_integers(payload, out_ms)
            levels, voicing = rebuild(table, symbols, step, coder.model.bands, wide=out_ms == 16)
            assert got.step_index == step
            assert np.array_equal(got.levels, levels)
            assert np.array_equal(got.voicing, voicing)
            assert got.f0.tolist() == symbols.f0


@pytest.mark.parametrize("coder", CODERS, ids=_name)
def test_the_kernel_writes_the_bytes_of_its_twin(coder: PacketCoder) -> None:
    table = tables(coder.model, coder.packet_ms)
    for step, spread_db in ((0, 8.0), (20, 8.0), (0, 40.0), (31, 0.01)):
        payload = coder.encode(_at(coder, spread_db=spread_db), step)
        assert write_symbols(table, read_symbols(table, payload), payload[0]) == payload


@pytest.mark.parametrize("coder", CODERS, ids=_name)
@pytest.mark.parametrize(("step", "weight"), [(4, 0.09), (18, 0.09), (18, 0.0)])
def test_the_kernel_rounds_as_its_twin_in_double_precision(
    coder: PacketCoder, step: int, weight: float
) -> None:
    given = _at(coder)
    table = tables(coder.model, coder.packet_ms)
    wanted = quantized(table, given.levels_db, given.voicing, step, weight)
    got = read_symbols(table, coder.encode(given, step, bit_weight=weight)).coefficients
    assert np.count_nonzero(wanted) > 20
    # Float rounding may tip a coefficient, and with it the price of those after it.
    assert np.count_nonzero(got != wanted) <= 2


@pytest.mark.parametrize("coder", [CODERS[0], CODERS[-1]], ids=_name)
def test_any_bytes_after_the_first_decode_as_the_twin_says(coder: PacketCoder) -> None:
    rng = np.random.default_rng(5)
    table = tables(coder.model, coder.packet_ms)
    first = PACKETS_MS.index(coder.packet_ms) << 6
    for count in (0, 1, 2, 30, 400):
        for step in (0, 17, 31):
            payload = bytes((first | step,)) + rng.bytes(count)
            symbols = read_symbols(table, payload)
            levels, voicing = rebuild(table, symbols, step, coder.model.bands)
            got = coder.decode_integers(payload)
            assert np.array_equal(got.levels, levels)
            assert np.array_equal(got.voicing, voicing)
            assert got.f0.tolist() == symbols.f0


def test_every_byte_0_is_a_packet_or_the_one_error() -> None:
    for first in range(256):
        payload = bytes((first, 200, 7))
        if first & 63 <= 32:
            coder = PacketCoder(NARROW, packet_ms(payload))
            assert isinstance(coder.decode(payload), SilenceDescriptor) is is_silence(payload)
            assert payload_samples(payload, 8000) == coder.packet_ms * 8
        else:
            with pytest.raises(BitstreamError, match="this version knows 0 to 32"):
                packet_ms(payload)
    with pytest.raises(BitstreamError, match="at least 1 byte"):
        packet_ms(b"")


@pytest.mark.parametrize("coder", CODERS, ids=_name)
def test_a_finer_step_comes_nearer_and_takes_more_bytes(coder: PacketCoder) -> None:
    given = _at(coder)
    sizes, errors = [], []
    for step in (0, 8, 16, 24, 31):
        payload = coder.encode(given, step)
        decoded = coder.decode(payload)
        assert isinstance(decoded, PacketParameters)
        sizes.append(len(payload))
        errors.append(float(np.sqrt(np.mean((decoded.levels_db - given.levels_db) ** 2))))
        assert np.array_equal(decoded.voiced, given.voiced)
        indices = coder.decode_integers(payload).f0[given.voiced[::2]]
        wanted = 50.0 * np.log2(given.f0_hz[::2] / 55.0)[given.voiced[::2]]
        assert np.max(np.abs(indices - wanted)) <= 0.51  # half a unit; no move here goes beyond 15 units
    assert all(more > less for more, less in itertools.pairwise(sizes))
    assert all(near < far for near, far in itertools.pairwise(errors))
    # A uniform quantiser of step s leaves s / sqrt(12) = 0.58 dB at 2 dB; the bases sharpen and smooth besides (1.3 measured).
    assert errors[0] < 2.0


@pytest.mark.parametrize("coder", [CODERS[2], CODERS[6]], ids=_name)
def test_a_gain_changes_nothing_but_the_gain(coder: PacketCoder) -> None:
    given = _at(coder)
    table = tables(coder.model, coder.packet_ms)
    plain = read_symbols(table, coder.encode(given, 12))
    unit_db = 0.875
    for units in (-16, 8, 24):
        louder = PacketParameters(
            (given.levels_db + np.float32(units * unit_db)), given.voicing, given.f0_hz, given.voiced
        )
        moved = read_symbols(table, coder.encode(louder, 12))
        assert moved.gain == plain.gain + units
        assert moved.f0 == plain.f0
        # Float rounding may tip one of several hundred coefficients.
        assert np.count_nonzero(moved.coefficients != plain.coefficients) <= 1


def test_frames_of_16_ms_leave_the_fast_rows_empty() -> None:
    coder = CODERS[2]
    symbols = read_symbols(tables(NARROW, 128), coder.encode(_at(coder, 16), 4))
    assert np.count_nonzero(symbols.coefficients[:8]) > 30
    assert not symbols.coefficients[8:].any()


def test_what_is_not_finite_is_taken_as_the_least() -> None:
    coder = CODERS[0]
    given = _at(coder)
    levels, voicing, f0 = given.levels_db.copy(), given.voicing.copy(), given.f0_hz.copy()
    levels[0, :3] = np.nan, np.inf, -np.inf
    voicing[1, :2] = np.nan, np.inf
    f0[:4] = np.nan, np.inf, -1.0, 0.0
    everywhere = np.ones_like(given.voiced)
    decoded = coder.decode(coder.encode(PacketParameters(levels, voicing, f0, everywhere), 8))
    assert isinstance(decoded, PacketParameters)
    assert np.isfinite(decoded.levels_db).all()
    assert np.isfinite(decoded.f0_hz).all()
    assert decoded.f0_hz.min() >= 55.0


def test_without_voice_f0_is_what_the_receiver_says() -> None:
    coder = CODERS[1]
    given = _at(coder)
    quiet = PacketParameters(given.levels_db, given.voicing, given.f0_hz, np.zeros_like(given.voiced))
    decoded = coder.decode(coder.encode(quiet, 10), unvoiced_f0_hz=133.0)
    assert isinstance(decoded, PacketParameters)
    assert not decoded.voiced.any()
    assert np.all(decoded.f0_hz == 133.0)


@pytest.mark.parametrize("coder", CODERS, ids=_name)
def test_a_silence_descriptor_takes_four_bytes_and_keeps_the_tilt(coder: PacketCoder) -> None:
    at = (np.arange(coder.model.bands) + 0.5) / coder.model.bands
    noise = (-70.0 + 9.0 * np.cos(np.pi * at) - 6.0 * np.cos(3 * np.pi * at)).astype(np.float32)
    payload = coder.write_silence(noise)
    assert len(payload) <= 4
    assert packet_ms(payload) == coder.packet_ms
    decoded = coder.decode(payload)
    assert isinstance(decoded, SilenceDescriptor)
    # Half a unit of the gain and of the shapes: 0.44 dB, and 1.5 dB four times at most.
    assert np.max(np.abs(decoded.levels_db - noise)) < 2.5


def test_another_length_of_packet_is_refused_in_one_line() -> None:
    with pytest.raises(ParameterError, match="64, 96, 128, 144 ms, got 80"):
        PacketCoder(NARROW, 80)
    payload = CODERS[0].encode(_at(CODERS[0]), 9)
    with pytest.raises(BitstreamError, match="speech packet of 96 ms"):
        CODERS[1].decode(payload)
    with pytest.raises(ValueError, match="no speech packet of 12 frames"):
        CODERS[1]._coder.decode(
            payload, np.empty(12 * 32, np.int32), np.empty(60, np.int32), np.empty(6, np.int32), 12
        )


def test_arrays_that_do_not_fit_are_refused() -> None:
    coder = CODERS[0]
    given = _at(coder)
    with pytest.raises(ValueError, match="levels must have 256 items, got 224"):
        coder.encode(
            PacketParameters(given.levels_db[:, :28].copy(), given.voicing, given.f0_hz, given.voiced), 5
        )
    with pytest.raises(ValueError, match="a packet has 8 or 4 frames, got 7"):
        coder.encode(
            PacketParameters(given.levels_db[:7], given.voicing[:7], given.f0_hz[:7], given.voiced[:7]), 5
        )
    with pytest.raises(ValueError, match="step is 0 to 31, got 32"):
        coder.encode(given, 32)
    with pytest.raises(TypeError, match="levels has items of format 'd'"):
        coder._coder.encode(
            given.levels_db.astype(np.float64), given.voicing, given.f0_hz, given.voiced, 8, 5, 0.1
        )


def test_tables_that_contradict_themselves_are_refused() -> None:
    table = tables(NARROW, 64)
    with pytest.raises(ValueError, match="tables must hold"):
        VlcPacketCoder((8, 32, 5, 5, 40, 10, 18, 0), b"", b"")
    with pytest.raises(ValueError, match="out of range"):
        VlcPacketCoder((7, 32, 5, 5, 40, 10, 18, 0), table.packed(), b"")
    floats = bytes(4 * (37 + 5 * 37 * 37 + 64 + 16))
    with pytest.raises(ValueError, match="contradict themselves"):
        VlcPacketCoder((8, 32, 5, 5, 40, 10, 18, 0), bytes(len(table.packed())), floats)


@pytest.mark.parametrize("milliseconds", PACKETS_MS)
@pytest.mark.parametrize("hop_ms", [8, 16])
def test_parameters_are_the_integers_in_their_units(milliseconds, hop_ms):
    coder = PacketCoder(NARROW, milliseconds)
    rng = np.random.default_rng(milliseconds + hop_ms)
    code = PACKETS_MS.index(milliseconds) << 6
    silent = 0
    for _ in range(40):
        payload = bytes((code | int(rng.integers(32)),)) + rng.bytes(int(rng.integers(0, 40)))
        coded, told = (
            coder.decode_integers(payload, hop_ms),
            coder.decode(payload, hop_ms, unvoiced_f0_hz=77.0),
        )
        np.testing.assert_array_equal(told.levels_db, (coded.levels / 256).astype(np.float32))
        np.testing.assert_array_equal(told.voicing, (coded.voicing / 4096).astype(np.float32))
        known, per_value = np.flatnonzero(coded.f0 >= 0), 16 // hop_ms
        np.testing.assert_array_equal(told.voiced, np.repeat(coded.f0 >= 0, per_value))
        silent += not known.size
        wanted = np.full(told.f0_hz.size, 77.0)
        if known.size:
            places = (np.arange(wanted.size) + 0.5) / per_value - 0.5
            wanted = 55.0 * 2.0 ** np.interp(places, known, coded.f0[known] / 50.0)
        np.testing.assert_allclose(told.f0_hz, wanted, rtol=1e-6)
    assert silent < 40
