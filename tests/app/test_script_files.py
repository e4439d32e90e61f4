"""Scripts as files: what they may say, and what is said of those that are wrong."""

import re
import shutil
import stat
import sys
from pathlib import Path
from typing import get_args

import pytest

from dsp.checks import checks
from softphone.app.script_sounds import ENGINES, ScriptSounds
from softphone.call.outcome import EndedBy, Outcome
from softphone.call.state import Phase
from softphone.config import AnswerOptions, MediaOptions
from softphone.errors import UsageError
from softphone.scorer.live import VERDICT_WORDS
from softphone.script_config import (
    BEFORE_ANSWER,
    ENDED_BY,
    EXPECTED,
    MAX_STEPS,
    OUTCOMES,
    STATES,
    VERBS,
    VERDICTS,
    Script,
    Step,
    load_script,
    parse_script,
)

DOCUMENT = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)


def parsed(text, *, answers=False):
    return parse_script(text, "s.toml", answers=answers).steps


def test_a_step_has_its_time_its_verb_and_its_line():
    first, second = parsed(
        '# what for\n[[step]]\nat = 0.5\nhold = true\n\n[[step]]\nafter = 1\nexpect-dtmf = "12#"\n'
    )
    assert first == Step("hold", True, 4, at_s=0.5)
    assert second == Step("expect-dtmf", "12#", 8, after_s=1.0)


def test_a_second_call_is_placed_by_name_and_steps_say_which_they_are_for():
    call, dtmf, transfer = parsed(
        '[[step]]\ncall = "sip:carol@192.0.2.3"\nname = "second"\n'
        '[[step]]\ndtmf = "1"\non = "second"\n[[step]]\ntransfer-to = "second"\n'
    )
    assert (call.name, dtmf.on, transfer.on) == ("second", "second", "first")
    assert [str(each) for each in (call, dtmf, transfer)] == [
        "call sip:carol@192.0.2.3",
        "dtmf 1 on second",
        "transfer-to second",
    ]


def test_what_is_expected_is_read_once():
    (step,) = parsed('[[step]]\nexpect = { outcome = ["busy", "declined"], verdict = "ok" }\n')
    assert step.value == {"outcome": ("busy", "declined"), "verdict": ("ok",)}
    assert str(step) == "expect outcome busy or declined, verdict ok"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "1 to 10000 tables [[step]], got 0"),
        ("[[step]]\nhold = true\nhold = true\n", 3, "Cannot overwrite a value"),
        ("[[step]\n", 1, "Expected"),
        ("\n[[steps]]\nhold = true\n", 2, "tables [[step]], got 'steps'"),
        ("step = 5\n", 1, "steps are tables"),
        ("step = [{hold = true}]\n", 1, "a table [[step]] of its own"),
        ("[[step]]\nat = 1\n", 1, "a step does one thing, got none"),
        ("[[step]]\nhold = true\nresume = true\n", 3, "a step does one thing, got hold and resume"),
        ("[[step]]\nhold = true\n[[step]]\nexpect-dtfm = '1'\n", 4, "the nearest is 'expect-dtmf'"),
        ("[[step]]\nhold = false\n", 2, "hold: wanted true, got False"),
        ("[[step]]\ndtmf = 'x'\n", 2, "wanted digits of 0-9 * # A-D, got 'X'"),
        ("[[step]]\nmode = 'fast'\n", 2, "wanted one of normal, vlc, vlr"),
        ("[[step]]\ntransfer = 'carol'\n", 2, "wanted a SIP URI"),
        ("[[step]]\ntransfer-to = 'second'\n", 2, "no call 'second' was placed before"),
        ("[[step]]\ntransfer-to = 'first'\n", 2, "cannot be transferred to itself"),
        ("[[step]]\nhold = true\non = 'other'\n", 2, "no call 'other'"),
        ("[[step]]\ncall = 'sip:a@b'\n", 2, 'give name = "second"'),
        ("[[step]]\nhold = true\nname = 'x'\n", 3, "a name is for call"),
        ("[[step]]\ncall = 'sip:a@b'\nname = 'first'\n", 2, "there is a call 'first' already"),
        ("[[step]]\nhold = true\nat = -1\n", 3, "at must be 0 to 86400 s, got -1"),
        ("[[step]]\nhold = true\nat = 1\nafter = 1\n", 4, "give one of them"),
        ("[[step]]\nhold = true\nat = 'soon'\n", 3, "at: wanted a number, got 'soon'"),
        ("[[step]]\nexpect = { codex = 'opus' }\n", 2, "the nearest is 'codec'"),
        ("[[step]]\nexpect = true\n", 2, "expect is a table"),
        ("[[step]]\nexpect = {}\n", 2, "expect is a table of what is expected"),
        (
            "[[step]]\nexpect = { outcome = 'complete' }\n",
            2,
            "expect outcome: there is no 'complete', the nearest is 'completed'",
        ),
        ("[[step]]\nexpect = { verdict = ['ok', 'drop-outs'] }\n", 2, "the nearest is 'dropouts'"),
        ("[[step]]\nexpect = { ended-by = 'us' }\n", 2, "expect ended-by: there is no 'us'"),
        ("[[step]]\nexpect = { state = 'held' }\n", 2, "expect state: there is no 'held'"),
        ("[[step]]\nexpect = { codec = 'opus', outcome = 'busy' }\n", 2, "they need an expect of their own"),
        ("[[step]]\nanswer = true\n", 2, "answer makes no sense in a script of call"),
        ("[[step]]\nhold = true\n[[step]]\ncancel = true\n", 4, "cancel comes before"),
        ("[[step]]\nwait = -2\n", 2, "wait must be 0 s or more"),
    ],
)
def test_a_bad_script_is_refused_with_file_and_line(text, line, said):
    with pytest.raises(UsageError) as caught:
        parsed(text)
    assert str(caught.value).startswith(f"s.toml:{line}: ")
    assert said in str(caught.value)


def test_what_may_be_expected_is_what_a_result_and_a_status_can_say():
    assert set(OUTCOMES) == {each.value for each in Outcome}
    assert set(STATES) == {each.value for each in Phase}
    assert set(ENDED_BY) == set(get_args(EndedBy))
    scored = {verdict.word for name in checks.names() for verdict in checks.get(name).verdicts}
    assert set(VERDICTS) == {"ok", *VERDICT_WORDS, *scored}


@pytest.mark.parametrize(
    "text", ["[[step]]\ncancel = true\n", "[[step]]\nhold = true\n[[step]]\nreject = 486\n"]
)
def test_what_makes_no_sense_in_a_script_of_answer_is_refused(text):
    with pytest.raises(UsageError, match=r"^s.toml:\d: (cancel makes no sense|reject comes before)"):
        parsed(text, answers=True)


def test_a_script_has_an_end():
    with pytest.raises(UsageError, match=f"1 to {MAX_STEPS}"):
        parsed("[[step]]\nwait = 0\n" * (MAX_STEPS + 1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"script": "s.toml", "ring_s": 1.0}, "--script says itself how a call is taken"),
        ({"script": "s.toml", "reject": 486}, "--script says itself how a call is taken"),
        ({"script": "s.toml", "early_media": "a.wav"}, "--script says itself how a call is taken"),
        ({"early_media": "a.wav"}, "--early-media is heard while it rings"),
        ({"transfers": "maybe"}, "--transfers must be one of refuse, follow"),
        ({"max_calls": 0}, "--max-calls must be 1 to"),
    ],
)
def test_options_of_answer_that_do_not_go_together_are_refused(options, said):
    with pytest.raises(UsageError, match=said):
        AnswerOptions(**options)


def test_a_way_of_digits_that_is_none_is_refused():
    with pytest.raises(UsageError, match="--dtmf-by must be one of auto, rtp, info"):
        MediaOptions(dtmf_by="sms")


def test_a_file_that_is_none_is_said_so(tmp_path):
    with pytest.raises(UsageError, match="--script: no file"):
        load_script(str(tmp_path / "none.toml"), answers=False)
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        load_script(str(tmp_path / "latin.toml"), answers=False)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_scripts_shown_are_scripts(text):
    assert parse_script(text, "shown.toml", answers="answer = true" in text).steps


def test_every_step_and_every_expectation_is_described():
    table = set(re.findall(r"`([a-z-]+) =", DOCUMENT))
    assert set(VERBS) | {"expect"} <= table
    assert set(VERBS) >= BEFORE_ANSWER
    assert not set(EXPECTED) - set(re.findall(r"`([a-z-]+)`", DOCUMENT))


def sounds(text, codecs=("pcmu",), answers=False):
    return ScriptSounds(Script("s.toml", parsed(text, answers=answers)), codecs=codecs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[step]]\nhold = true\n[[step]]\nplay = 'builtin:nobody'\n", r"^s.toml:4: .*nobody"),
        ("[[step]]\nplay = 'no such file.wav'\n", r"^s.toml:2: .*no such file"),
        ("[[step]]\ncodec = 'g722'\n", r"^s.toml:2: codec 'g722' is none of this call's: it has pcmu"),
    ],
)
def test_a_sound_or_a_codec_that_is_not_there_costs_no_call(text, said):
    with pytest.raises(UsageError, match=said):
        sounds(text)


def test_without_a_program_that_speaks_say_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(
        UsageError, match=r"^s.toml:2: say needs a program that speaks: install espeak-ng"
    ) as caught:
        sounds("[[step]]\nsay = 'hello'\n")
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in ENGINES)


@pytest.mark.skipif(sys.platform == "win32", reason="the program that stands in is a script with #!")
def test_what_is_said_is_made_before_the_call_and_deleted_after_it(tmp_path, monkeypatch):
    speaks = tmp_path / "espeak-ng"
    speaks.write_text(
        "#!/usr/bin/env python3\nimport sys, wave\nassert sys.argv[4] == '-x; rm *', sys.argv\n"
        "with wave.open(sys.argv[2], 'wb') as file:\n"
        "    file.setnchannels(1); file.setsampwidth(2); file.setframerate(16000); file.writeframes(bytes(3200))\n"
    )
    speaks.chmod(speaks.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    ready = sounds("[[step]]\nsay = '-x; rm *'\n")
    said = Path(ready.script.steps[0].sound)
    assert said.exists()
    ready.close()
    assert not said.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the program that stands in is a script with #!")
def test_a_program_that_does_not_speak_is_said_so(tmp_path, monkeypatch):
    mute = tmp_path / "espeak-ng"
    mute.write_text("#!/bin/sh\nexit 1\n")
    mute.chmod(mute.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(UsageError, match=r"^s.toml:2: espeak-ng did not speak"):
        sounds("[[step]]\nsay = 'hello'\n")
