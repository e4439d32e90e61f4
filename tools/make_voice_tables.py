"""Writes docs/voice-against-praat.md: every measure of a voice beside Praat's and beside the truth.

Made by: `PYTHONPATH=. .venv/bin/python tools/make_voice_tables.py`
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import soundfile

from benchmarks.heldout_speech import find
from softphone.io.speech import speech_path
from tests.support.voice_cases import TOLERANCES, Case, measured, measured_vowel
from tests.support.vowels import vowel

TARGET = Path(__file__).parent.parent / "docs" / "voice-against-praat.md"
F0_HZ = (70, 120, 220, 350, 500)
JITTER_PCT = (0.0, 0.5, 1.0, 2.0, 4.0)
SHIMMER_PCT = (0.0, 3.0, 8.0, 15.0)
HNR_DB = (0.0, 10.0, 20.0, 30.0, 40.0)
QUIET_DB = 50.0
"""Distance of the noise in vowels that are made for something else: without any, a spectrum has no bottom."""
SECONDS = 2.0
BUNDLED = ("builtin:man", "builtin:woman")
ALSA = ("Front_Center", "Front_Left", "Rear_Left", "Side_Right")

HEAD = """# Measures of a voice, against Praat and against the truth

Made by `PYTHONPATH=. .venv/bin/python tools/make_voice_tables.py`, which measures the same samples with `dsp.voice` and with
Praat {praat} (through parselmouth {parselmouth}), pitch from 60 to 600 Hz. What is promised is in the column *tolerance*;
of a share of the value and a distance the greater counts.

*Synthetic vowels*, {seconds:g} s at 44.1 kHz: an open vowel from glottal pulses at exact, fractional times through resonators in
continuous time, with F0 of {f0} Hz; jitter of {jitter} %, shimmer of {shimmer} %, and white noise {hnr} dB
below the voice, each by itself and for each F0. The truth is what was drawn, not what was asked for.

*Real voices*: the two bundled recordings (16 kHz), the voice of Debian's `alsa-utils` (48 kHz) and the LibriVox clips of
`pocketsphinx-testdata` (16 kHz); speech, so jitter and the like, which `softphone voice` refuses of it, are compared here all
the same.
"""

TRUTH = """## Against the truth

Mean distance from what was drawn, and by how much ours is farther from it than Praat's at worst, as a share of the tolerance: 1
is what is allowed, below 0 ours is nearer everywhere. Both match whole waveforms, in which the cycle before still rings: jitter
comes out low, and a jitter of 4 % shows as shimmer, too. HNR is compared where nothing but noise makes cycles differ.
"""


def head() -> str:
    """What was measured, and how."""
    lists = {"f0": F0_HZ, "jitter": JITTER_PCT, "shimmer": SHIMMER_PCT, "hnr": HNR_DB}
    named = {name: ", ".join(f"{each:g}" for each in values) for name, values in lists.items()}
    return HEAD.format(
        praat=parselmouth.PRAAT_VERSION, parselmouth=parselmouth.__version__, seconds=SECONDS, **named
    )


def synthetic() -> Iterator[Case]:
    """Jitter, shimmer and noise, one after the other."""
    for f0_hz in F0_HZ:
        for pct in JITTER_PCT:
            made = vowel(f0_hz, seconds=SECONDS, jitter_pct=pct, hnr_db=QUIET_DB)
            yield measured_vowel(f"{f0_hz} Hz, jitter {pct:g} %", made)
        for pct in SHIMMER_PCT[1:]:
            made = vowel(f0_hz, seconds=SECONDS, shimmer_pct=pct, hnr_db=QUIET_DB)
            yield measured_vowel(f"{f0_hz} Hz, shimmer {pct:g} %", made)
        for hnr_db in HNR_DB:
            yield measured_vowel(
                f"{f0_hz} Hz, HNR {hnr_db:g} dB", vowel(f0_hz, seconds=SECONDS, hnr_db=hnr_db)
            )


def real() -> Iterator[Case]:
    """Speech, as much of it as can be had."""
    for name in BUNDLED:
        yield measured(name, *read(Path(speech_path(name))))
    why: list[str] = []
    alsa, clips = find("alsa-utils", why), find("pocketsphinx-testdata", why)
    for reason in why:
        print(reason, file=sys.stderr)
    if alsa is not None:
        for name in ALSA:
            yield measured(f"alsa-utils {name}", *read(alsa / "usr/share/sounds/alsa" / f"{name}.wav"))
    if clips is not None:
        for path in sorted((clips / "usr/share/pocketsphinx/test/data/librivox").glob("*.wav")):
            yield measured(f"LibriVox {path.stem[-4:]}", *read(path))


def read(path: Path) -> tuple[np.ndarray, int]:
    """The first channel."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples[:, 0]), rate_hz


def number(value: Any) -> str:
    """A value as a table has it."""
    return "none" if value is None else f"{value:.4g}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of Markdown."""
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def worst(cases: Sequence[Case], key: str) -> str:
    """The greatest difference of one measure, and where."""
    there = [case for case in cases if case.ours[key] is not None or case.praats[key] is not None]
    if not there:
        return ""
    case = max(there, key=lambda each: each.share(key))
    if case.share(key) == 0.0:
        return "none"
    told = f"{case.apart(key):.2g} ({case.name})"
    return told if case.share(key) <= 1.0 else f"**{told}**"


def differences(made: Sequence[Case], heard: Sequence[Case]) -> Iterator[str]:
    """Of every measure."""
    missed = [key for key in TOLERANCES if any(case.share(key) > 1.0 for case in (*made, *heard))]
    yield "## Greatest differences from Praat\n"
    yield f"{len(made)} synthetic vowels and {len(heard)} real voices; in the unit of the measure. Of the LTAS, any band of 100 Hz."
    yield f"Beyond the tolerance, in bold: {', '.join(f'`{key}`' for key in missed) or 'nothing'}.\n"
    rows = (
        (f"`{key}`", str(limit), worst(made, key), worst(heard, key)) for key, limit in TOLERANCES.items()
    )
    yield from table(("measure", "tolerance", "synthetic vowels", "real voices"), rows)


def truth(made: Sequence[Case]) -> Iterator[str]:
    """How far both are from what was drawn."""
    yield TRUTH
    rows = []
    for key in TOLERANCES:
        cases = [
            case
            for case in made
            if key in case.truth and case.ours[key] is not None and case.praats[key] is not None
        ]
        if cases:
            ours, theirs = (
                np.mean([abs(getattr(case, who)[key] - case.truth[key]) for case in cases])
                for who in ("ours", "praats")
            )
            most = max(case.excess(key) for case in cases)
            rows.append((f"`{key}`", str(len(cases)), number(ours), number(theirs), f"{most:.3f}"))
    yield from table(("measure", "vowels", "ours", "Praat", "farther than Praat, at worst"), rows)


def grid(made: Sequence[Case], key: str, what: str, unit: str) -> Iterator[str]:
    """One measure over its grid: truth, ours, Praat's."""
    chosen = [case for case in made if what in case.name and key in case.truth]
    asked = list(dict.fromkeys(case.name.split(f"{what} ")[1] for case in chosen))
    yield f"`{key}` over {what} in {unit}: truth / ours / Praat\n"
    rows = []
    for f0_hz in F0_HZ:
        named = {case.name: case for case in chosen}
        cells = []
        for each in asked:
            case = named.get(f"{f0_hz} Hz, {what} {each}")
            cells.append(
                ""
                if case is None
                else " / ".join(map(number, (case.truth[key], case.ours[key], case.praats[key])))
            )
        rows.append((f"{f0_hz} Hz", *cells))
    yield from table(("F0", *asked), rows)


def voices(heard: Sequence[Case]) -> Iterator[str]:
    """Every measure of every real voice."""
    yield "## Real voices\n"
    yield "Ours / Praat's.\n"
    keys = [key for key in TOLERANCES if key != "ltas_db"]
    rows = (
        (f"`{key}`", *(f"{number(case.ours[key])} / {number(case.praats[key])}" for case in heard))
        for key in keys
    )
    yield from table(("measure", *(case.name for case in heard)), rows)


def page(made: Sequence[Case], heard: Sequence[Case]) -> str:
    """All of it."""
    lines = [head(), *differences(made, heard), *truth(made), "## Synthetic vowels\n"]
    lines += grid(made, "jitter_local_pct", "jitter", "%")
    lines += grid(made, "shimmer_local_pct", "shimmer", "%")
    lines += grid(made, "hnr_db", "HNR", "dB")
    lines += grid(made, "f0_mean_hz", "jitter", "%")
    return "\n".join((*lines, *voices(heard))).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(list(synthetic()), list(real())), encoding="utf-8")
