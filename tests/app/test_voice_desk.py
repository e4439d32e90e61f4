"""Voices over remote control: who may do what, what is told when, and that nothing of the machine is told."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.voices import RESULT, ActedMeasuring, ActedTake, kept_memo

from dsp.live_voice import LiveVoice
from softphone.app.live_take import LiveTake, corrected, reading_told, vowel_told
from softphone.app.memo_shelf import MemoShelf
from softphone.app.preset_store import FolderPresets
from softphone.app.voice_desk import MEMOS, VOICE, VoiceDesk
from softphone.control import Dispatcher
from softphone.control.op import Client
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.live.null_port import NullPort
from softphone.io.memos.store import MemoStore
from softphone.memo_config import MeasureSettings

PATIENCE_S = 10.0
ANNA, VERA = Client(1, "Anna", "control"), Client(2, "Vera", "view")


class Office:
    def __init__(self) -> None:
        self.issued: list[tuple[Any, str, str]] = []

    def issue(self, content: Any, content_type: str, *, name: str) -> str:
        self.issued.append((content, content_type, name))
        return f"/files/{len(self.issued)}"


class Bench:
    """A desk behind a dispatcher, with what it published."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoStore(folder)
        self.office = Office()
        self.measuring = ActedMeasuring(RESULT, jobs=[])
        self.shelf = MemoShelf(self.store, MeasureSettings(), self.measuring)
        self.takes: list[ActedTake] = []
        self.refusal: Exception | None = None
        self.desk = VoiceDesk(self.shelf, self.office, self.begin)
        self.dispatcher = Dispatcher([], FolderPresets(folder / "presets"), [self.desk])
        self.events: list[tuple[str, Any, bool]] = []
        self.told = threading.Condition()
        self.measured = threading.Event()
        self.desk.publish = self.publish
        self.desk.on_memo = lambda memo: self.measured.set()

    def begin(self, name: str | None) -> Any:
        if self.refusal is not None:
            raise self.refusal
        self.takes.append(ActedTake(self.store, name))
        return self.takes[-1]

    def publish(self, topic: str, body: Any, *, fleeting: bool = False) -> None:
        with self.told:
            self.events.append((topic, body, fleeting))
            self.told.notify_all()

    def until(self, holds: Callable[[], Any], what: str) -> None:
        with self.told:
            assert self.told.wait_for(holds, PATIENCE_S), what

    def ask(self, op: str, client: Client = ANNA, **given: Any) -> Any:
        reply = self.dispatcher.handle(client, self.dispatcher.parse({"id": 1, "op": op, **given}), now=0.0)
        json.dumps(reply.result)
        return reply.result if reply.ok else reply.error


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "memos")
    yield made
    made.desk.close()


def test_a_memo_is_recorded_told_of_and_measured(bench: Bench) -> None:
    assert bench.ask("voice.record", name="evening") == {"recording": "evening"}
    bench.until(
        lambda: sum(topic == VOICE and fleeting for topic, _, fleeting in bench.events) >= 3, "it is told"
    )
    told = next(body for topic, body, fleeting in bench.events if fleeting)
    assert told["recording"] == "evening"
    assert {"level_dbfs", "f0", "ltas_db", "hpr_db", "vowel", "clipped"} <= set(told)
    done = bench.ask("voice.stop")
    assert done["recording"] is None
    assert (done["memo"]["memo"], done["memo"]["state"]) == ("evening", "measuring")
    assert bench.measured.wait(PATIENCE_S)
    (memo,) = bench.ask("memos")["memos"]
    assert memo["figures"]["hnr_db"] == RESULT["hnr_db"]
    assert (memo["task"], memo["state"], memo["problem"]) == ("vowel", "ready", None)
    assert bench.store.find("evening").result is not None
    assert (VOICE, {"recording": None, "problem": None}, False) in bench.events
    assert any(topic == MEMOS and body["memos"] for topic, body, _ in bench.events)


def test_nothing_is_looked_at_while_nobody_listens(bench: Bench) -> None:
    wanted = threading.Event()
    asked: list[str] = []

    def is_wanted(topic: str) -> bool:
        asked.append(topic)
        with bench.told:
            bench.told.notify_all()
        return wanted.is_set()

    bench.desk.is_wanted = is_wanted
    bench.ask("voice.record")
    bench.until(lambda: len(asked) > 3, "it was asked whether anybody listens")
    assert bench.takes[0].asked == 0
    wanted.set()
    bench.until(lambda: bench.takes[0].asked > 0, "it is listened to")


def test_who_listens_is_told_twenty_times_a_second_or_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looks = 0.0, 0

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now

    def wait(seconds: float) -> bool:
        nonlocal now, looks
        now, looks = now + seconds + 0.001, looks + 1  # woken a little late each time
        return now > 10.0

    monkeypatch.setattr("softphone.app.voice_desk.time", Clock)
    begin = bench.desk._begin

    def timed(name: str | None) -> Any:
        take = begin(name)
        take.wait = wait
        return take

    bench.desk._begin = timed
    bench.ask("voice.record")
    bench.until(lambda: (VOICE, {"recording": None, "problem": None}, False) in bench.events, "it is over")
    told = [body for topic, body, fleeting in bench.events if topic == VOICE and fleeting]
    assert len(told) >= 20 * 10
    assert len(told) == looks - 1


def test_two_memos_at_once_and_stopping_nothing_are_refused(bench: Bench) -> None:
    assert bench.ask("voice.stop").message == "nothing is being recorded"
    bench.ask("voice.record", name="one")
    assert "already" in bench.ask("voice.record", name="two").message
    assert len(bench.takes) == 1


def test_a_recording_that_ends_by_itself_is_kept_and_says_why(bench: Bench) -> None:
    bench.ask("voice.record", name="one")
    bench.takes[0].fault = EnvironmentProblem(f"{bench.store.folder}/taking: the disk is full")
    bench.takes[0].over.set()
    assert bench.measured.wait(PATIENCE_S)
    assert bench.desk.take is None
    about = bench.ask("voice")
    assert about["problem"] == "taking: the disk is full"
    assert bench.ask("memos")["memos"][0]["memo"] == "one"
    assert bench.ask("voice.record", name="next")["recording"] == "next"
    assert "problem" not in bench.ask("voice")


def test_a_device_that_is_not_there_is_said(bench: Bench) -> None:
    bench.refusal = EnvironmentProblem("there is no sound device")
    found = bench.ask("voice.record")
    assert (found.code, found.message) == ("not-possible", "there is no sound device")
    assert bench.desk.take is None


def test_who_only_looks_changes_nothing_and_hears_nothing(bench: Bench) -> None:
    kept_memo(bench.store, "monday")
    for op, given in (
        ("voice.record", {}),
        ("voice.stop", {}),
        ("memo.measure", {"memo": "monday"}),
        ("memo.listen", {"memo": "monday"}),
        ("memo.delete", {"memo": "monday"}),
    ):
        assert bench.ask(op, VERA, **given).code == "forbidden"
    assert bench.ask("memos", VERA)["memos"][0]["memo"] == "monday"
    assert bench.ask("memo.report", VERA, memo="monday")["url"] == "/files/1"
    assert bench.ask("voice", VERA)["low_hz"] == 60.0


def test_a_page_is_made_once_and_again_after_measuring(bench: Bench) -> None:
    kept_memo(bench.store, "monday")
    assert bench.measuring.jobs is not None
    for _ in range(2):
        bench.ask("memo.report", memo="monday")
    assert len(bench.measuring.jobs) == 1
    page, kind, name = bench.office.issued[-1]
    assert "Voice of monday" in Path(page).read_text(encoding="utf-8")
    assert (kind, name) == ("text/html; charset=utf-8", "monday.html")
    bench.ask("memo.measure", memo="monday")
    bench.ask("memo.report", memo="monday")
    assert [name for _, name in bench.measuring.jobs] == ["monday"] * 3


def test_the_sound_is_the_flac_of_the_store(bench: Bench) -> None:
    memo = kept_memo(bench.store, "monday")
    bench.ask("memo.listen", memo="MONDAY")
    assert bench.office.issued == [(memo.path, "audio/flac", "monday.flac")]


def test_a_memo_is_deleted_with_its_page(bench: Bench) -> None:
    memo = kept_memo(bench.store, "monday")
    bench.ask("memo.report", memo="monday")
    page = Path(bench.office.issued[-1][0])
    assert bench.ask("memo.delete", memo="monday") == {"deleted": "monday"}
    assert not memo.path.exists()
    assert not page.exists()
    assert bench.events[-1][:2] == (MEMOS, {"memos": []})


@pytest.mark.parametrize(
    "name", ["../monday", "/etc/passwd", "sound/20260101-120000-00000001.flac", "tuesday"]
)
def test_no_name_leads_outside(bench: Bench, name: str) -> None:
    kept_memo(bench.store, "monday")
    for op in ("memo.listen", "memo.report", "memo.measure", "memo.delete"):
        found = bench.ask(op, memo=name)
        assert found.code == "not-possible"
        assert str(bench.store.folder) not in found.message
    assert bench.office.issued == []


def test_a_name_that_cannot_be_is_refused_by_the_take(bench: Bench) -> None:
    bench.refusal = UsageError("a memo's name is made of printable characters")
    assert "printable" in bench.ask("voice.record", name="a/b").message


def test_what_cannot_be_measured_stays_with_the_reason(bench: Bench) -> None:
    kept_memo(bench.store, "monday", result=None)
    bench.measuring.refusal = f"{bench.store.folder}/sound/x.flac is damaged"
    found = bench.ask("memo.measure", memo="monday")
    assert found.message == "sound/x.flac is damaged"
    (memo,) = bench.ask("memos")["memos"]
    assert (memo["problem"], memo["state"]) == ("sound/x.flac is damaged", "ready")
    bench.measuring.refusal = None
    assert bench.ask("memo.measure", memo="monday")["memo"]["problem"] is None


def test_a_sound_that_is_gone_is_said_without_its_place(bench: Bench) -> None:
    kept_memo(bench.store, "monday").path.unlink()
    found = bench.ask("memo.listen", memo="monday")
    assert "missing" in found.message
    assert str(bench.store.folder) not in found.message


def test_what_is_being_recorded_is_kept_at_the_end(bench: Bench) -> None:
    bench.ask("voice.record", name="late")
    bench.desk.close()
    assert bench.store.find("late").frames > 0
    assert bench.measuring.closed
    assert bench.ask("voice.record").code == "not-possible"


def test_everything_is_measured_before_a_command_ends(bench: Bench) -> None:
    bench.ask("voice.record", name="late")
    bench.desk.finish()
    assert bench.store.find("late").result is not None


def test_a_memo_that_is_only_to_be_kept_is_not_measured(bench: Bench) -> None:
    desk = VoiceDesk(bench.shelf, bench.office, bench.begin, measures=False)
    kept: list[str] = []
    desk.on_memo = lambda memo: kept.append(memo.name)
    desk.record("plain")
    desk.finish()
    assert kept == ["plain"]
    assert bench.store.find("plain").result is None
    assert bench.ask("memos")["memos"][0]["problem"] == "not measured yet"


def test_topics_tell_what_is_known_to_who_comes_late(bench: Bench) -> None:
    kept_memo(bench.store, "monday")
    bench.desk.open()
    assert set(bench.desk.topics()) == {VOICE, MEMOS}
    snapshot = bench.desk.snapshot(MEMOS)
    assert snapshot is not None
    assert [each["memo"] for each in snapshot["memos"]] == ["monday"]
    bench.ask("voice.record", name="now")
    assert (bench.desk.snapshot(VOICE) or {})["recording"] == "now"
    assert bench.desk.snapshot("calls") is None


def test_a_take_is_listened_to_as_it_records(tmp_path: Path) -> None:
    port = NullPort("null:tone=220", 16_000, block_ms=20.0, wait=lambda seconds: False, clock=lambda: 0.0)
    store = MemoStore(tmp_path)
    one = LiveTake(port, store, "tone", settings=LiveVoice(16_000).settings, seconds=1.0)
    one.take.start()
    assert one.take.wait(PATIENCE_S)
    told = one.told()
    assert told["recording"] == "tone"
    assert told["seconds"] == 1.0
    assert told["f0_hz"] == pytest.approx(220.0, abs=0.2)
    assert len(told["f0"]) == told["frame"]
    assert told["level_dbfs"] == pytest.approx(-20.0, abs=0.2)
    assert len(told["ltas_db"]) == 80
    assert one.told()["f0"] == []
    assert one.take.stop().seconds == 1.0
    json.dumps(told, allow_nan=False)


def test_only_frames_that_are_new_or_were_corrected_are_told() -> None:
    before = np.array([np.nan, 0.0, 100.0, 101.0])
    now = np.array([np.nan, 0.0, 100.0, 202.0, 203.0])
    assert corrected(before, now, 1) == 1
    assert corrected(before, np.append(before, 99.0), 1) == 0
    assert corrected(np.zeros(0), now, 5) == 0
    assert corrected(now, now[1:], 0) == 0
    assert corrected(before, np.append(before[1:], [7.0, 8.0])[1:], 2) == 0


def test_silence_is_told_as_null() -> None:
    voice = LiveVoice(16_000)
    voice.process(np.zeros((1, 8000), dtype=np.float32))
    told = reading_told(voice.read(), 3)
    assert (told["level_dbfs"], told["f0_hz"], told["hpr_db"], told["ltas_db"]) == (None, None, None, [])
    assert told["f0"] == [0.0, 0.0, 0.0]
    assert vowel_told(voice.vowel())["state"] == "silence"
