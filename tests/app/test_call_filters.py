"""Presets of calls: what is refused before anything is sent, and what becomes a chain."""

import pytest

from softphone.app import call_filters
from softphone.app.call_filters import CallFilters, checked_filters, setting_of
from softphone.app.codec_choice import chosen_codecs
from softphone.config import AudioOptions, CodecChoice, MediaOptions
from softphone.errors import UsageError

CHOSEN = chosen_codecs(MediaOptions(codecs=(CodecChoice("g722"), CodecChoice("pcmu"))))
STRETCH = '[[filter]]\ntype = "stretch"\n'
CANCELLER = '[[filter]]\ntype = "echo-canceller"\n'


def options(tmp_path, side, preset):
    if "\n" in preset:
        file = tmp_path / "own.toml"
        file.write_text(preset, encoding="utf-8")
        preset = str(file)
    return AudioOptions(**{side: preset})


@pytest.mark.parametrize(
    ("preset", "side", "error"),
    [
        ("telefone", "filter_sent", "no preset 'telefone'"),
        (STRETCH, "filter_sent", "--filter own: stretch changes the length of the sound, which a call cannot: leave it out"),
        (STRETCH, "filter_heard", "--filter-in own: stretch"),
        (CANCELLER, "filter_heard", "use it with --filter"),
        ('[[filter]]\ntype = "butterworth"\nfreq_hz = 6000\n', "filter_sent", "--filter own at 8000 Hz: butterworth"),
        ('[[filter]]\ntype = "gain"\ngain_db = 500\n', "filter_sent", "gain.gain_db"),
        ('[[filter]]\ntype = "channel-matrix"\nlayout = "stereo"\n', "filter_sent", "--filter own gives 2 channels"),
    ],
)  # fmt: skip
def test_what_cannot_be_in_a_call_is_told_in_a_line(tmp_path, preset, side, error):
    with pytest.raises(UsageError) as refused:
        checked_filters(options(tmp_path, side, preset), CHOSEN)
    assert error in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_bypassed_may_be_in_a_call(tmp_path):
    assert checked_filters(options(tmp_path, "filter_sent", STRETCH + "bypass = true\n"), CHOSEN) is not None


def test_each_side_gets_its_own_chain_for_the_rate_of_the_call():
    filters = checked_filters(AudioOptions(filter_sent="telephone", filter_heard="night"), CHOSEN)
    assert filters is not None
    for rate_hz in (8000, 16_000):
        for side, name in (("sent", "telephone"), ("heard", "night")):
            chain = filters(side, setting_of(rate_hz))
            assert (chain.preset.name, chain.channels_out) == (name, 1)


def test_each_call_gets_chains_of_its_own():
    filters = CallFilters.load(AudioOptions(filter_sent="telephone"))
    assert filters("sent", setting_of(8000)) is not filters("sent", setting_of(8000))
    assert filters("heard", setting_of(8000)) is None


def test_without_presets_there_is_nothing():
    assert checked_filters(AudioOptions(), CHOSEN) is None


def test_what_is_slow_to_build_is_there_before_the_call_and_built_again_for_the_next(tmp_path, monkeypatch):
    built, build = [], call_filters.live_chain
    monkeypatch.setattr(
        call_filters, "live_chain", lambda *args, **kwargs: built.append(1) or build(*args, **kwargs)
    )
    monkeypatch.setattr(call_filters, "SLOW_S", -1.0)
    filters = checked_filters(options(tmp_path, "filter_sent", "telephone"), CHOSEN)
    rates = len({codec.sample_rate_hz for codec in CHOSEN})
    assert (len(built), filters.is_ready) == (rates, True)
    first = filters("sent", setting_of(8000))
    assert (len(built), filters.is_ready) == (rates, False)
    assert filters("sent", setting_of(8000)) is not first, "two calls at once have a chain each"
    assert len(built) == rates + 1
    filters.make_ready()
    assert (len(built), filters.is_ready) == (rates + 2, True)
    assert filters("sent", setting_of(8000)) is not first
    assert len(built) == rates + 2
    assert filters("heard", setting_of(8000)) is None
