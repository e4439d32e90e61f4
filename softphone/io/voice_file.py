"""Sound files that are read anywhere and more than once, in pieces: the recordings that a voice is measured in."""

import os
from os import PathLike
from types import TracebackType
from typing import Self

import numpy as np

from dsp.types import Block
from softphone.errors import UsageError
from softphone.io.sound_file import SoundReader
from softphone.io.speech import speech_path
from softphone.io.track_file import check_finite, cut_warning

MIN_RATE_HZ = 8000
"""Below it not even the second formant of every vowel is left."""
KEPT_S = 8.0
"""What is remembered of a file that can only be read on: more than the margins of two sections beside each other."""
_PIECE = 1 << 15
_COUNTED = 1 << 12
"""A piece of a file that ends too soon: what comes after the last whole one is left out."""
_EXACT = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""Kinds of sample that are the same wherever reading began."""


class VoiceFile:
    """A recording in a sound file; satisfies `dsp.phonation.section.Recording`.

    WAV, FLAC and other files of plain samples are read where it is wanted. What can only be decoded from its beginning (MP3,
    Vorbis, Opus, ADPCM) is decoded onwards, the newest `KEPT_S` are kept, and a step back beyond them begins anew.

    Args:
        path: of the file, or ``builtin:NAME``.

    Raises:
        UsageError: no such file, not a sound file, nothing in it, or less than `MIN_RATE_HZ`.
        EnvironmentProblem: soundfile is not installed.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = speech_path(os.fspath(path))
        self.warnings: list[str] = []
        """What is wrong with the file and does not keep it from being read."""
        self._reader = SoundReader(self.path)
        self._is_exact = self._reader.subtype.startswith(_EXACT)
        self._begin()
        self._size = self._reader.frames
        try:
            self._check()
        except UsageError:
            self.close()
            raise

    def _begin(self) -> None:
        self._at = 0
        """The sample that the decoder gives next."""
        self._kept: Block = np.zeros((self.channels, 0), dtype=np.float32)
        """The newest samples before it, of what is decoded onwards."""

    @property
    def sample_rate_hz(self) -> int:
        """Its rate."""
        return self._reader.sample_rate_hz

    @property
    def channels(self) -> int:
        """How many."""
        return self._reader.channels

    @property
    def size(self) -> int:
        """Samples of one channel that can be read."""
        return self._size

    @property
    def seconds(self) -> float:
        """Length."""
        return self._size / self.sample_rate_hz

    def read(self, start: int, stop: int) -> Block:
        """Samples *start* to *stop* of all channels, float32 ``(channels, stop - start)``; 0 <= start <= stop <= size.

        Raises:
            UsageError: it cannot be read there, or a sample is no number.
        """
        if not 0 <= start <= stop <= self._size:
            raise ValueError(f"samples {start} to {stop} were wanted of {self._size}")
        block: Block = np.empty((self.channels, stop - start), dtype=np.float32)
        if self._is_exact:
            if start != self._at:
                self._reader.seek(start)
                self._at = start
            self._fill(block)
        else:
            self._fill_onwards(block, start)
        return block

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fill(self, block: Block) -> None:
        """Read on, into all of *block*."""
        place = 0
        while place < block.shape[1]:
            read = self._reader.next(min(_PIECE, block.shape[1] - place)).T
            if not read.shape[1]:
                raise UsageError(
                    f"{self.path} ends at {self._at / self.sample_rate_hz:.2f} s, "
                    f"wanted {self._size / self.sample_rate_hz:.2f} s: it was changed, or is damaged"
                )
            check_finite(read, self.path, self._at, self.sample_rate_hz)
            block[:, place : place + read.shape[1]] = read
            place += read.shape[1]
            self._at += read.shape[1]

    def _fill_onwards(self, block: Block, start: int) -> None:
        """Samples from *start* on, of what is decoded from its beginning."""
        if start < self._at - self._kept.shape[1]:
            self._reopen()
        while self._at < start:
            self._keep(self._decoded(start - self._at))
        known = self._kept[:, start - self._at + self._kept.shape[1] :][:, : block.shape[1]]
        place = known.shape[1]
        block[:, :place] = known
        while place < block.shape[1]:
            piece = self._decoded(block.shape[1] - place)
            block[:, place : place + piece.shape[1]] = piece
            self._keep(piece)
            place += piece.shape[1]

    def _decoded(self, most: int) -> Block:
        piece: Block = np.empty((self.channels, min(_PIECE, most)), dtype=np.float32)
        self._fill(piece)
        return piece

    def _keep(self, piece: Block) -> None:
        most = round(KEPT_S * self.sample_rate_hz)
        self._kept = np.concatenate((self._kept[:, -most:], piece), axis=1)

    def _reopen(self) -> None:
        self._reader.close()
        self._reader = SoundReader(self.path)
        self._begin()

    def _check(self) -> None:
        """Whether all is there that the header promises."""
        rate = self.sample_rate_hz
        if rate < MIN_RATE_HZ:
            raise UsageError(
                f"{self.path} has {rate} samples a second: wanted {MIN_RATE_HZ} or more, which the formants of a voice need"
            )
        cut = cut_warning(self.path)
        if cut is not None:
            self.warnings.append(cut)
        if self._has_its_end():
            return
        promised, self._size = self._size, self._counted()
        if not self._size:
            raise UsageError(f"{self.path} holds no audio that can be read: wanted a whole sound file")
        if self._size < promised:
            self.warnings.append(
                f"{self.path} is cut off: its header promises {promised / rate:.2f} s, {self._size / rate:.2f} s were taken"
            )

    def _has_its_end(self) -> bool:
        try:
            self._reader.seek(self._size - 1)
            found = len(self._reader.next(1)) == 1
        except UsageError:
            found = False
        self._reopen()
        return found

    def _counted(self) -> int:
        """How many samples there are: all up to where reading fails."""
        size = 0
        try:
            while size < self._size and (count := len(self._reader.next(_COUNTED))):
                size += count
        except UsageError:
            pass
        self._reopen()
        return size
