"""Recordings of the console: kept, scored, listed after a restart, and fetched without a path of this machine."""

import asyncio
import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile

from softphone.app.recording_folder import RecordingFolder
from softphone.app.recordings import MAX_WAITING, Recordings
from softphone.control.errors import ControlError
from softphone.control.op import Client
from softphone.errors import EnvironmentProblem
from softphone.io.speech import speech_path

AT = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
ANNA = Client(1, "Anna", "control")
FOUND = {
    "mos_lqo": 4.2,
    "metric": "visqol",
    "value": 4.2,
    "unit": "MOS-LQO",
    "max": 5.0,
    "trusted": True,
    "verdict": ["noise"],
    "metrics": {},
    "refused": {},
    "delay_ms": 0.0,
    "delay_changes": [],
    "skew_ppm": 0.0,
    "gain_db": 0.0,
    "seconds": 3.0,
    "scored_s": 3.0,
    "segments": [],
}


class Desk:
    """Tickets that remember what they were given."""

    def __init__(self):
        self.issued = {}

    def issue(self, source, content_type, *, name):
        url = f"/files/{len(self.issued)}"
        self.issued[url] = (source, content_type, name)
        return url


class Scorer:
    """A scorer that is asked much and measures nothing."""

    def __init__(self, found=FOUND):
        self.found = found
        self.asked = []

    async def __call__(self, degraded, *, folder, report, **asked):
        self.asked.append((degraded, asked["reference"], asked["far"], asked["trusted"]))
        if report is not None:
            (folder / report).write_text(f"<h1>{asked['names']}</h1>")
        return dict(self.found)


def result(**more):
    return {
        "schema": 1,
        "peer": "sip:bob@127.0.0.1",
        "outcome": "completed",
        "duration_s": 3.0,
        "mode": "normal",
        "codec": {"name": "opus", "sample_rate_hz": 16000},
        "verdict": ["ok"],
        "score": None,
        "recording": None,
    } | more


def sound(path, seconds=3.0):
    tone = 0.1 * np.sin(np.arange(int(8000 * seconds)) * 0.3)
    soundfile.write(path, tone, 8000, subtype="PCM_16")


def recorded(folder, **more):
    files = folder.begin(AT)
    sound(files.heard)
    sound(files.sent)
    folder.write(files.result, result(direction="outgoing", heard_codecs=["opus"], **more))
    return files


async def run(recordings, name, client=ANNA, **given):
    """An operation as the server runs it: in another thread, with what was left out filled in."""
    op = next(each for each in recordings.ops() if each.name == name)
    given = {**op.read(given), "now": 0.0}
    with ThreadPoolExecutor(1) as aside:
        return await asyncio.get_running_loop().run_in_executor(aside, op.run, client, given)


async def kept(recordings, **more):
    files = recordings.begin()
    sound(files.heard)
    sound(files.sent)
    told = result(**more)
    await recordings.keep(files, told, direction="incoming", heard_codecs=["opus"], stop=asyncio.Event())
    return files, told


def test_a_folder_that_is_made_is_its_owners_alone(tmp_path):
    folder = RecordingFolder(tmp_path / "a" / "recordings")
    if os.name == "posix":
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_what_is_recorded_is_its_owners_alone_in_any_folder(tmp_path):
    tmp_path.chmod(0o755)
    files = RecordingFolder(tmp_path).begin(AT)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (files.heard, files.sent)] == [0o600, 0o600]


def test_who_subscribes_does_not_make_the_event_loop_read_the_folder(tmp_path, monkeypatch):
    folder, loop_thread = RecordingFolder(tmp_path), threading.get_ident()
    recorded(folder)

    def newest(most, read=folder.newest):
        assert threading.get_ident() != loop_thread
        return read(most)

    monkeypatch.setattr(folder, "newest", newest)

    async def scenario():
        told = asyncio.Queue()
        recordings = Recordings(folder, Desk(), score=Scorer())
        await recordings.open()
        recordings.publish = lambda topic, body: told.put_nowait(body)
        recorded(folder)
        assert len(recordings.snapshot("recordings")["recordings"]) == 1
        assert len((await asyncio.wait_for(told.get(), 10))["recordings"]) == 2  # read anew since
        await recordings.close()

    asyncio.run(scenario())


def test_a_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentProblem, match="--out"):
        RecordingFolder(tmp_path / "file" / "recordings")


def test_calls_of_one_second_have_names_of_their_own_and_the_newest_is_first(tmp_path):
    folder = RecordingFolder(tmp_path)
    names = [recorded(folder).name for _ in range(11)]
    assert names[0] == "20260101-120000"
    assert names[10] == "20260101-120000-11"
    assert [each["recording"] for each in folder.newest(50)] == names[::-1]
    assert len(folder.newest(3)) == 3


def test_what_is_listed_says_how_the_call_was_and_no_path(tmp_path):
    folder = RecordingFolder(tmp_path)
    recorded(folder, reference=str(tmp_path / "secret" / "ref.wav"), recording=str(tmp_path))
    (entry,) = folder.newest(50)
    assert entry["started_at"] == "2026-01-01T12:00:00Z"
    assert (entry["peer"], entry["direction"], entry["codec"]) == ("sip:bob@127.0.0.1", "outgoing", "opus")
    assert (entry["seconds"], entry["reference"]) == (3.0, "ref.wav")
    assert str(tmp_path) not in json.dumps(entry)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        "[" * 100_000,
        '{"peer": NaN}',
        '{"peer": 1, "codec": [], "verdict": {"a": 1}, "duration_s": "x"}',
    ],
)
def test_a_bad_file_costs_its_own_entry_only(tmp_path, text):
    folder = RecordingFolder(tmp_path)
    bad, good = recorded(folder), recorded(folder)
    bad.result.write_text(text)
    bad.score.write_text(text)
    bad.heard.write_bytes(b"RIFF")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "20260101-120000-heard.wav.bak").write_text("")
    (tmp_path / "99999999-999999.json").mkdir()
    entries = {each["recording"]: each for each in folder.newest(50)}
    assert entries[good.name]["outcome"] == "completed"
    assert entries[bad.name]["peer"] is None
    json.dumps(list(entries.values()), allow_nan=False)


def test_a_program_that_was_killed_leaves_a_recording_that_is_listed(tmp_path):
    folder = RecordingFolder(tmp_path)
    files = folder.begin(AT)
    sound(files.heard, 2.0)
    (entry,) = RecordingFolder(tmp_path).newest(50)
    assert (entry["seconds"], entry["problem"]) == (
        2.0,
        "no RESULT: the program was stopped, or the disk full",
    )


def test_a_call_is_kept_with_its_score_and_survives_a_restart(tmp_path):
    async def scenario():
        scorer, told = Scorer(), asyncio.Queue()
        recordings = Recordings(RecordingFolder(tmp_path), Desk(), expect="builtin:man", score=scorer)
        recordings.publish = lambda topic, body: told.put_nowait((topic, body))
        files, printed = await kept(recordings)
        states = []
        while "ready" not in states:
            topic, body = await told.get()
            states.append(body["recordings"][0]["state"])
        assert topic == "recordings"
        assert printed["score"]["value"] == 4.2
        assert printed["verdict"] == ["noise"]
        assert printed["recording"] == str(files.heard)
        assert scorer.asked == [(files.heard.name, "builtin:man", files.sent.name, True)]
        (entry,) = (await run(Recordings(RecordingFolder(tmp_path), Desk()), "recordings"))["recordings"]
        assert (entry["score"], entry["unit"], entry["reference"]) == (4.2, "MOS-LQO", "builtin:man")
        assert (entry["direction"], entry["state"]) == ("incoming", "ready")
        await recordings.close()

    asyncio.run(scenario())


def test_without_a_reference_the_signal_is_checked_and_no_score_is_missed(tmp_path, caplog):
    async def scenario():
        found = FOUND | {"mos_lqo": None, "value": None, "refused": {"visqol": "no reference"}}
        recordings = Recordings(RecordingFolder(tmp_path), Desk(), score=Scorer(found))
        _, printed = await kept(recordings)
        assert printed["score"] is None
        assert printed["verdict"] == ["noise"]
        (entry,) = (await run(recordings, "recordings"))["recordings"]
        assert (entry["score"], entry["why"], entry["signal"]) == (None, "no reference", ["noise"])

    asyncio.run(scenario())
    assert caplog.messages == []


def test_a_call_that_was_never_heard_leaves_nothing(tmp_path):
    async def scenario():
        recordings = Recordings(RecordingFolder(tmp_path), Desk(), score=Scorer())
        files = recordings.begin()
        await recordings.keep(
            files, result(duration_s=None), direction="outgoing", heard_codecs=[], stop=asyncio.Event()
        )
        await recordings.close()

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_a_score_that_failed_says_why_without_the_references_path(tmp_path):
    async def scenario():
        reference = tmp_path / "private" / "ref.wav"
        scorer = Scorer({"error": f"{reference} does not exist"})
        recordings = Recordings(
            RecordingFolder(tmp_path / "out"), Desk(), expect=str(reference), score=scorer
        )
        await kept(recordings)
        (entry,) = (await run(recordings, "recordings"))["recordings"]
        assert entry["why"] == "ref.wav does not exist"

    asyncio.run(scenario())


def test_the_page_is_made_once_and_again_after_another_score(tmp_path):
    async def scenario():
        desk, scorer = Desk(), Scorer()
        folder = RecordingFolder(tmp_path)
        files = recorded(folder)
        recordings = Recordings(folder, desk, score=scorer)
        first = await run(recordings, "report", recording=files.name)
        await run(recordings, "report", recording=files.name)
        assert len(scorer.asked) == 1
        path, kind, name = desk.issued[first["url"]]
        assert (path, kind, name) == (files.page, "text/html; charset=utf-8", f"{files.name}.html")
        await run(recordings, "score", recording=files.name, reference="sent")
        assert scorer.asked[-1] == (files.heard.name, files.sent.name, None, True)
        assert not files.page.exists()
        await run(recordings, "report", recording=files.name)
        assert scorer.asked[-1][1] == files.sent.name  # the page is about what was scored last
        await run(recordings, "score", recording=files.name, reference="recorded")
        assert scorer.asked[-1][1] is None
        await recordings.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("reference", ["/etc/passwd", "builtin:../x", "builtin:nobody", "../ref.wav", ""])
def test_no_reference_comes_from_outside_but_by_a_known_name(tmp_path, reference):
    async def scenario():
        folder = RecordingFolder(tmp_path)
        files = recorded(folder)
        scorer = Scorer()
        with pytest.raises(ControlError) as caught:
            await run(
                Recordings(folder, Desk(), score=scorer), "score", recording=files.name, reference=reference
            )
        assert caught.value.code == "bad-value"
        assert scorer.asked == []

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "20260101-120001", "20260101-120000/../x", "x" * 40])
@pytest.mark.parametrize("op", ["report", "listen", "score"])
def test_a_name_that_is_not_listed_is_no_recording(tmp_path, op, name):
    async def scenario():
        folder = RecordingFolder(tmp_path)
        recorded(folder)
        desk = Desk()
        with pytest.raises(ControlError) as caught:
            await run(Recordings(folder, desk, score=Scorer()), op, recording=name)
        assert caught.value.code == "unknown-recording"
        assert desk.issued == {}

    asyncio.run(scenario())


def test_both_directions_can_be_listened_to(tmp_path):
    async def scenario():
        desk, folder = Desk(), RecordingFolder(tmp_path)
        files = recorded(folder)
        urls = await run(Recordings(folder, desk), "listen", recording=files.name)
        assert desk.issued[urls["url"]] == (files.heard, "audio/wav", files.heard.name)
        assert desk.issued[urls["sent_url"]][0] == files.sent
        files.sent.unlink()
        assert (await run(Recordings(folder, desk), "listen", recording=files.name))["sent_url"] is None

    asyncio.run(scenario())


def test_only_a_client_that_may_control_listens_and_scores(tmp_path):
    async def scenario():
        return {each.name: each.role for each in Recordings(RecordingFolder(tmp_path), Desk()).ops()}

    assert asyncio.run(scenario()) == {
        "recordings": "view",
        "report": "view",
        "listen": "control",
        "score": "control",
    }


def test_a_call_that_runs_is_listed_and_not_scored_yet(tmp_path):
    async def scenario():
        recordings = Recordings(RecordingFolder(tmp_path), Desk(), score=Scorer())
        files = recordings.begin()
        sound(files.heard)
        (entry,) = (await run(recordings, "recordings"))["recordings"]
        assert (entry["state"], entry["problem"]) == ("recording", None)
        with pytest.raises(ControlError, match="not ready"):
            await run(recordings, "report", recording=files.name)

    asyncio.run(scenario())


def test_more_scores_than_can_wait_are_refused_and_a_program_that_ends_waits_for_none(tmp_path):
    async def scenario():
        begun = asyncio.Event()

        async def never(degraded, **asked):
            begun.set()
            await asyncio.Event().wait()

        folder = RecordingFolder(tmp_path)
        files = recorded(folder)
        recordings = Recordings(folder, Desk(), score=never)
        asking = [
            asyncio.create_task(run(recordings, "score", recording=files.name))
            for _ in range(MAX_WAITING + 1)
        ]
        done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await begun.wait()
        assert {each.exception().code for each in done} == {"too-many"}
        await recordings.close()
        refused = await asyncio.gather(*waiting, return_exceptions=True)
        assert {each.code for each in refused} == {"not-possible"}

    asyncio.run(scenario())


def test_a_real_recording_is_scored_and_gets_a_page_that_names_no_folder(tmp_path):
    async def scenario():
        folder = RecordingFolder(tmp_path)
        files = recorded(folder)
        said, rate = soundfile.read(speech_path("builtin:man"))
        soundfile.write(files.heard, said, rate, subtype="PCM_16")
        recordings = Recordings(folder, Desk())
        scored = await run(recordings, "score", recording=files.name, reference="builtin:man")
        assert scored["recording"]["score"] > 4.5
        await run(recordings, "report", recording=files.name)
        page = files.page.read_text()
        assert f"Score of {files.name}" in page
        assert "builtin:man" in page
        assert str(tmp_path) not in page
        await recordings.close()

    asyncio.run(scenario())
