"""The sounds that a script plays and says, made ready before its first call: what is wrong with them costs no call."""

import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from softphone.app.audio import LIKELY_RATE_HZ
from softphone.app.codec_choice import CodecInUse
from softphone.errors import SoftphoneError, UsageError
from softphone.io.audio.wavfile import open_source
from softphone.script_config import Script, Step, load_script

ENGINES = {
    "espeak-ng": ("-w", "{wav}", "--", "{text}"),
    "espeak": ("-w", "{wav}", "--", "{text}"),
    "flite": ("-o", "{wav}", "-t", "{text}"),
    "pico2wave": ("-w", "{wav}", "{text}"),
}
"""Programs that speak, and how each is asked to."""
SAY_TIMEOUT_S = 30.0


def sounds_of(path: str, chosen: tuple[CodecInUse, ...], *, answers: bool) -> "ScriptSounds":
    """Read the script at *path* for calls in one of the codecs *chosen*; raises as `load_script` and `ScriptSounds`."""
    return ScriptSounds(load_script(path, answers=answers), codecs=[one.spec.name for one in chosen])


class ScriptSounds:
    """*script* with what it says turned into files, until `close`.

    Args:
        codecs: names of those of the call.

    Raises:
        UsageError: a sound or a codec that is not there, or nothing that speaks; with file and line.
    """

    def __init__(self, script: Script, *, codecs: Collection[str]) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        try:
            steps = tuple(self._ready(script, step, codecs) for step in script.steps)
        except BaseException:
            self.close()
            raise
        self.script = replace(script, steps=steps)
        self.early_media = next((step.value for step in steps if step.verb == "early-media"), None)
        """What is sent before the answer."""

    def close(self) -> None:
        """Delete what was made."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _ready(self, script: Script, step: Step, codecs: Collection[str]) -> Step:
        try:
            match step.verb:
                case "say":
                    return replace(step, sound=self._said(step.value))
                case "play" | "early-media":
                    open_source(step.value, LIKELY_RATE_HZ).close()
                    return replace(step, sound=step.value)
                case "codec" if step.value not in codecs:
                    raise UsageError(
                        f"codec {step.value!r} is none of this call's: it has {', '.join(codecs)}"
                    )
        except SoftphoneError as error:
            raise UsageError(f"{script.where(step)}: {error}") from None
        return step

    def _said(self, text: str) -> str:
        engine = next((name for name in ENGINES if shutil.which(name)), None)
        if engine is None:
            raise UsageError(
                f"say needs a program that speaks: install espeak-ng, or use play (looked for {', '.join(ENGINES)})"
            )
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="softphone-said-")
        wav = Path(self._folder.name) / f"{len(list(Path(self._folder.name).iterdir()))}.wav"
        arguments = [each.format(wav=wav, text=text) for each in ENGINES[engine]]
        try:
            subprocess.run(
                [engine, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SAY_TIMEOUT_S,
                check=True,
            )
            open_source(str(wav), LIKELY_RATE_HZ).close()
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"{engine} did not speak: {error}") from None
        return str(wav)
