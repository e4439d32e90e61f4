"""Which of several references is in a recording."""

import numpy as np
import pytest
from support.heard import RATE, bundled, coded, noisy
from support.impairments import lossy
from support.misalign import g711, line_noise

from dsp.alignment import Catalogue
from dsp.errors import DuplicateName, MetricRefused
from dsp.track import ArrayTrack

MAN, WOMAN = bundled("man"), bundled("woman")
SENTENCES = {
    "m1": MAN[:44000], "m2": MAN[44000:], "w1": WOMAN[:42000], "w2": WOMAN[42000:77000], "w3": WOMAN[77000:],
}  # fmt: skip


def track(*parts):
    return ArrayTrack(np.concatenate(parts).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def catalogue():
    known = Catalogue()
    known.add("m1 m2", track(SENTENCES["m1"], SENTENCES["m2"]))
    known.add("w1 w2", track(SENTENCES["w1"], SENTENCES["w2"]))
    known.add("w1 w3", track(SENTENCES["w1"], SENTENCES["w3"]))
    known.add("w1", track(SENTENCES["w1"]))
    known.add("w1 m2", track(SENTENCES["w1"], SENTENCES["m2"]))
    return known


@pytest.mark.parametrize("name", ["m1 m2", "w1 w2", "w1 w3", "w1", "w1 m2"])
@pytest.mark.parametrize(
    "line",
    [
        lambda x: g711(x, RATE),
        lambda x: np.concatenate((line_noise(5 * RATE), lossy(x, RATE, 15), line_noise(RATE))),
        lambda x: noisy(x, 10),
        lambda x: np.tile(-0.1 * g711(x, RATE), 3),
        lambda x: coded(x, RATE, "vlc", 128),
    ],
    ids=["G.711", "late, with loss", "noise", "a loop, low and upside down", "VLC"],
)
def test_the_one_that_explains_most_is_found(catalogue, name, line):
    said = np.concatenate([SENTENCES[part] for part in name.split()])
    assert catalogue.find(track(line(said))) == name


def test_none_of_them_is_found_in_other_speech(catalogue):
    assert catalogue.find(track(SENTENCES["m1"][::-1])) is None
    assert catalogue.find(track(line_noise(8 * RATE, dbov=-30))) is None
    known = Catalogue()
    assert known.find(track(MAN)) is None
    known.add("other", track(WOMAN))
    assert known.find(track(MAN, MAN)) is None
    assert len(known) == 1


def test_a_long_recording_is_sampled(catalogue):
    call = np.tile(g711(np.concatenate((SENTENCES["w1"], SENTENCES["w3"])), RATE), 40)
    assert catalogue.find(track(line_noise(20 * RATE), call)) == "w1 w3"


def test_a_name_twice_and_silence_are_refused(catalogue):
    with pytest.raises(DuplicateName, match="'w1'"):
        catalogue.add("w1", track(MAN))
    with pytest.raises(MetricRefused, match="got silence"):
        catalogue.add("nothing", ArrayTrack(np.zeros(RATE, np.float32), RATE))
    with pytest.raises(MetricRefused, match="got silence"):
        catalogue.find(ArrayTrack(np.zeros(RATE, np.float32), RATE))
