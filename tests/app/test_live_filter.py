"""A live filter as the app runs it: on files without waiting, on the null device, and what it refuses."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.app.filtering import run_file
from softphone.app.live_filter import EngineRunner, open_engine, run_live
from softphone.control.client import connect
from softphone.control_config import LiveOptions
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.live import file_port
from softphone.io.live.engine import LiveEngine
from softphone.io.live.pace import Pace
from softphone.serve_config import ServeOptions, Serving

RATE = 16000


class NoPace(Pace):
    """A clock that never makes anybody wait."""

    def __init__(self, interval_s: float, **_: object) -> None:
        self._at = 0.0
        super().__init__(interval_s, clock=lambda: self._at, wait=self._pass)

    def _pass(self, seconds: float) -> bool:
        self._at += seconds
        return False


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_port, "Pace", NoPace)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    noise = np.random.default_rng(3).standard_normal((RATE, 2)) * 0.1
    soundfile.write(path, noise, RATE, subtype="PCM_16")
    return path


def realtime(source: Path, target: Path, preset: str = "telephone", **other: object) -> LiveOptions:
    return LiveOptions(preset, str(source), str(target), realtime=True, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", ["telephone", "voice-clear", "noise-light"])
def test_a_file_in_real_time_becomes_what_it_becomes_at_once(
    at_once: None, speech: Path, tmp_path: Path, preset: str
) -> None:
    done = run_live(realtime(speech, tmp_path / "paced.wav", preset))
    run_file(preset, speech, tmp_path / "plain.wav")
    paced, plain = (soundfile.read(tmp_path / f"{name}.wav", dtype="int16")[0] for name in ("paced", "plain"))
    assert paced.shape == plain.shape
    assert np.abs(paced.astype(int) - plain).max() <= 1  # blocks of another length round differently
    assert (done.ended_by, done.seconds, done.changed, done.xruns) == ("end", 1.0, False, 0)
    assert done.peak_before_dbfs is not None
    assert done.output == str(tmp_path / "paced.wav")


def test_it_ends_after_the_seconds_asked_for_and_the_file_is_whole(
    at_once: None, speech: Path, tmp_path: Path
) -> None:
    done = run_live(realtime(speech, tmp_path / "out.wav", "no-filter", seconds=0.25))
    assert (done.ended_by, done.seconds) == ("seconds", 0.25)
    assert soundfile.info(tmp_path / "out.wav").frames == RATE // 4


@pytest.mark.skipif(sys.platform == "win32", reason="the loop is not told of signals there")
def test_ctrl_c_ends_it_and_what_there_was_is_a_whole_file(speech: Path, tmp_path: Path) -> None:
    begun = threading.Event()

    def interrupt(engine: LiveEngine) -> None:
        if engine.status().position_s > 0 and not begun.is_set():
            begun.set()
            signal.raise_signal(signal.SIGINT)

    done = run_live(realtime(speech, tmp_path / "out.wav", "voice-clear"), on_status=interrupt)
    assert done.ended_by == "stopped"
    assert 0 < done.seconds < 1
    sound, _ = soundfile.read(tmp_path / "out.wav")
    assert len(sound) >= round(done.seconds * RATE)
    assert not list(tmp_path.glob(".softphone*"))


def test_the_null_device_runs_a_tone_through_the_filters() -> None:
    options = LiveOptions("no-filter", in_device="null:tone=1000", seconds=0.1, sample_rate_hz=8000)
    seen: list[float | None] = []
    done = run_live(options, on_status=lambda engine: seen.append(engine.status().latency_ms))
    assert (done.ended_by, done.seconds, done.device, done.output) == ("seconds", 0.1, "null:tone=1000", None)
    assert done.peak_after_dbfs == pytest.approx(-16.99, abs=0.05)  # -20 dBov, 3 dB of crest
    assert done.latency_ms is not None
    assert done.latency_ms >= 10.0
    assert seen


def test_values_may_be_changed_from_the_start(at_once: None, speech: Path, tmp_path: Path) -> None:
    options = realtime(speech, tmp_path / "out.wav", "voice-clear", changes=(("low-cut.freq_hz", "200"),))
    assert open_engine(options).chain.preset.slot("low-cut").params.freq_hz == 200.0
    with pytest.raises(UsageError, match=r"low-cut\.freq_hz"):
        open_engine(
            realtime(speech, tmp_path / "out.wav", "voice-clear", changes=(("low-cut.freq_hz", "-5"),))
        )


def test_what_cannot_be_live_is_refused_in_one_line(speech: Path, tmp_path: Path) -> None:
    def preset(body: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(body)
        return str(path)

    with pytest.raises(UsageError, match="changes the length of the sound"):
        open_engine(realtime(speech, tmp_path / "out.wav", preset('[[filter]]\ntype = "stretch"\n')))
    echo = preset('[[filter]]\ntype = "echo-canceller"\n')
    with pytest.raises(UsageError, match=r"give it as the far signal \(--far\)"):
        open_engine(realtime(speech, tmp_path / "out.wav", echo))
    with pytest.raises(UsageError, match="which --live does not know"):
        open_engine(LiveOptions(echo, in_device="null"))
    with pytest.raises(UsageError, match=r"a far signal \(--far\) is for an echo canceller"):
        open_engine(realtime(speech, tmp_path / "out.wav", far=str(speech)))
    with pytest.raises(UsageError, match="is input and output"):
        open_engine(realtime(speech, speech))
    assert not (tmp_path / "out.wav").exists()


def test_an_echo_canceller_takes_the_far_signal_from_a_file(
    at_once: None, speech: Path, tmp_path: Path
) -> None:
    preset = tmp_path / "echo.toml"
    preset.write_text('[[filter]]\ntype = "echo-canceller"\n')
    far = tmp_path / "far.wav"
    soundfile.write(far, np.random.default_rng(4).standard_normal(RATE) * 0.1, RATE)
    run_live(realtime(speech, tmp_path / "paced.wav", str(preset), far=str(far)))
    run_file(str(preset), speech, tmp_path / "plain.wav", far=far)
    paced, plain = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("paced", "plain"))
    np.testing.assert_allclose(paced, plain, atol=2e-4)


def test_a_fault_while_it_runs_is_told_and_leaves_no_file(
    at_once: None, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, block: object) -> None:
        raise UsageError("the disk is full")

    monkeypatch.setattr(file_port.SoundWriter, "write", full)
    with pytest.raises(UsageError, match="the disk is full"):
        run_live(realtime(speech, tmp_path / "out.wav"))
    assert [each.name for each in tmp_path.iterdir()] == ["in.wav"]


def test_a_port_that_is_taken_leaves_no_file_open(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[object] = []
    close = file_port.FilePort.close
    monkeypatch.setattr(file_port.FilePort, "close", lambda self: (closed.append(self), close(self)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        serve = ServeOptions(taken.getsockname())
        with pytest.raises(EnvironmentProblem, match="in use"):
            run_live(realtime(speech, tmp_path / "out.wav"), serve=serve)
    assert len(closed) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a process of its own")
def test_whoever_is_let_in_changes_what_is_heard() -> None:
    options = LiveOptions("voice-clear", in_device="null:tone=1000", sample_rate_hz=16000)
    steered: list[object] = []

    def steer(serving: Serving) -> None:
        def work() -> None:
            try:
                with connect(serving.urls[0], token="a-long-enough-token") as desk:
                    desk.set("low-cut.freq_hz", 3000)
                    steered.append(desk.get("low-cut.freq_hz"))
                    while (levels := desk.levels()) is None or levels["out"]["rms_dbfs"] is None:
                        pass
                    steered.append(levels["device"])
            finally:
                os.kill(os.getpid(), signal.SIGINT)

        threads.append(threading.Thread(target=work))
        threads[0].start()

    threads: list[threading.Thread] = []
    serve = ServeOptions(("127.0.0.1", 0), token="a-long-enough-token")
    done = run_live(options, serve=serve, on_serving=steer)
    threads[0].join(20)
    assert steered == [3000.0, "null:tone=1000"]
    assert (done.ended_by, done.changed) == ("stopped", True)


def test_a_desk_sees_the_engine_s_meters(at_once: None, speech: Path, tmp_path: Path) -> None:
    engine = open_engine(realtime(speech, tmp_path / "out.wav", "no-filter"))
    runner = EngineRunner(engine)
    engine.start()
    assert engine.wait(20)
    engine.stop()
    levels = runner.levels()
    assert levels is not None
    assert levels["in"] == engine.meter_in.read()
    assert set(levels) >= {
        "at_s",
        "in",
        "out",
        "load_pct",
        "latency_ms",
        "block_ms",
        "xruns",
        "running",
        "device",
    }
    spectrum = runner.spectrum()
    assert spectrum is not None
    hz, before, after = spectrum
    assert len(hz) == len(before) == len(after) == 96
    assert before == after
    assert runner.chain is engine.chain
    runner.reset_meters()
    engine.meter_in.process(np.zeros((2, 160), dtype=np.float32))
    assert engine.meter_in.read().max_peak_dbfs is None
