"""Discontinuous transmission: what a sender leaves out in a pause, and what a receiver plays in its place.

A packet without speech is not sent: the RTP timestamp goes on, the sequence number does not, and the first packet after it has
the marker (RFC 3551 section 4.1). The receiver hears comfort noise: of the last silence descriptor (RFC 3389), or of the
background it has heard itself.
"""

from collections.abc import Callable
from enum import Enum, auto

import numpy as np

from dsp.comfort_noise import Background, NoiseLoop
from dsp.pause_detector import PauseDetector
from dsp.types import Samples

DESCRIBED_S = 0.12
"""Sound that a descriptor is measured on: the length of the detector's hangover."""
CHANGE_DB = 3.0
"""A background that has changed by so much is described anew within a pause."""
DESCRIBED_EVERY_S = 0.5
"""But not more often."""
RECENT_S = 0.2
"""What a receiver keeps, to find the background in it: its quietest part, which the sender's hangover ends with."""
PART_S = 0.06
LOUDEST_DBOV = -35.0
"""A background louder than this would be speech taken for one."""
FORGET_DB_PER_S = 1.0
"""So fast the quietest part so far is believed to have become louder."""
NOTICED = 0.7
"""A part quieter by 1.5 dB takes its place."""
BELIEVED = 8.0
"""What was heard last and is louder by 9 dB is the end of speech, no background."""
FADE_S = 0.048
"""From sound into comfort noise: whole frames of every codec whose frames are 8 or 16 ms."""
JOIN_S = 0.005
"""From comfort noise into sound: short, as an onset is there."""


class Decision(Enum):
    """What to do with a packet."""

    SPEECH = auto()
    """Send it, or what makes up for it."""
    ENDING = auto()
    """The speech is over: send it, as the receiver learns the background from it."""
    DESCRIBE = auto()
    """A pause: send a description of the background in its place."""
    NOTHING = auto()
    """A pause: send nothing."""


class PauseSender:
    """Decides for one packet after the other.

    Args:
        sample_rate_hz: 8000 to 48000.
        packet_samples: of a packet.
        describes: whether the receiver takes descriptors.
        opens_pauses: whether it waits for one before it plays comfort noise (RFC 3389): each pause then begins with one.

    Raises:
        ParameterError: for another rate.
    """

    def __init__(
        self, sample_rate_hz: int, packet_samples: int, *, describes: bool, opens_pauses: bool
    ) -> None:
        self._detector = PauseDetector(sample_rate_hz, packet_samples)
        self._rate = sample_rate_hz
        self._describes = describes
        self._opens_pauses = opens_pauses
        self._recent: Samples = np.zeros(
            max(packet_samples, round(DESCRIBED_S * sample_rate_hz)), dtype=np.float32
        )
        self._every = -(-round(DESCRIBED_EVERY_S * sample_rate_hz) // packet_samples)
        self._since = self._every
        self._described_db: float | None = None
        self._pausing = False

    def decide(self, packet: Samples) -> Decision:
        """What to do with *packet*."""
        if not self._detector.is_pause(packet):
            self._pausing = False
            self._since += 1
            self._keep(packet)
            return Decision.SPEECH if self._detector.speaking else Decision.ENDING
        opens, self._pausing = not self._pausing, True
        self._since += 1
        if not self._describes:
            return Decision.NOTHING
        self._keep(packet)
        level_db = 10 * float(np.log10(self._detector.background.sum()))
        changed = self._described_db is None or abs(level_db - self._described_db) >= CHANGE_DB
        if (opens and self._opens_pauses) or (changed and self._since >= self._every):
            self._described_db = level_db
            self._since = 0
            return Decision.DESCRIBE
        return Decision.NOTHING

    def background(self) -> Background:
        """Describe what was heard last; for use after `Decision.DESCRIBE`."""
        return Background.measure(self._recent, self._rate)

    def _keep(self, packet: Samples) -> None:
        if self._describes:
            push(self._recent, packet)


FillerState = tuple[int, int, int, Background | None, bool]


class GapFiller:
    """What is heard where no packet is.

    Within the credit since the last packet the codec's concealment goes on, and comfort noise takes its place as far as it fades:
    the sender's mirror (`softphone.media.suppress`) does the same. Beyond the credit there is comfort noise alone.

    Args:
        sample_rate_hz: of the decoder.
        credit_samples: repeats agreed on, times the samples of a packet; 0 with a peer that knows of none.
        seed: which noise.
    """

    def __init__(self, sample_rate_hz: int, credit_samples: int = 0, *, seed: int = 1) -> None:
        self._rate = sample_rate_hz
        self._credit = credit_samples
        self._noise = NoiseLoop(sample_rate_hz, seed)
        self._recent: Samples = np.zeros(round(RECENT_S * sample_rate_hz), dtype=np.float32)
        self._part = round(PART_S * sample_rate_hz)
        self._hop = sample_rate_hz // 100
        self._filled = 0
        self._least = float("inf")
        """Power of the quietest part so far, which grows old."""
        self._quietest: Background | None = None
        fade = round(FADE_S * sample_rate_hz)
        self._fade: Samples = np.cos((np.arange(fade) + 0.5) * (np.pi / 2 / fade)).astype(np.float32)
        join = round(JOIN_S * sample_rate_hz)
        self._rise: Samples = ((np.arange(join) + 0.5) / join).astype(np.float32)
        self._since = credit_samples
        self._faded = fade
        self._described: Background | None = None
        self._comfort = False
        self.repeated = 0
        """Samples concealed within the credit."""
        self.comfort = 0
        """Samples of comfort noise."""

    @property
    def settled(self) -> bool:
        """Whether there is nothing left but comfort noise until the next packet."""
        return self._since >= self._credit and self._faded >= self._fade.size

    def heard(self, block: Samples) -> None:
        """Take what a packet was decoded to; after comfort noise its first 5 ms are joined to that, in place."""
        if self._comfort:
            count = min(block.size, self._rise.size)
            before: Samples = np.empty(count, dtype=np.float32)
            self._noise.fill(before)
            rise = self._rise[:count]
            block[:count] = block[:count] * rise + before * (1 - rise)
            self._comfort = False
        push(self._recent, block)
        self._filled = min(self._recent.size, self._filled + block.size)
        self._since = 0
        self._faded = 0
        self._described = None
        self._learn(block.size)

    def describe(self, payload: bytes) -> None:
        """Take a descriptor of RFC 3389: comfort noise like that follows until the next packet.

        Raises:
            BitstreamError: *payload* is empty.
        """
        described = Background.parse(payload)
        self._described = described
        self._since = self._credit
        if self._comfort:
            self._noise.set(described)

    def fill(self, out: Samples, conceal: Callable[[Samples], None], *, lost: bool) -> None:
        """Fill all of *out*.

        Args:
            conceal: the codec's concealment, which fills what it is given.
            lost: a packet is missing, as far as is known; False where the sender is known to pause.
        """
        repeats = min(out.size, self._credit - self._since) if self._filled else 0
        if repeats > 0:
            self._repeat(out[:repeats], conceal)
            self._since += repeats
            self.repeated += repeats
            out = out[repeats:]
        if not out.size:
            return
        if lost and self._described is None and not self._comfort:
            self._repeat(out, conceal)
        else:
            self._pause(out, conceal)

    def snapshot(self) -> FillerState:
        """What `fill` changes, as a copy."""
        return self._since, self._faded, self._noise.position, self._described, self._comfort

    def restore(self, state: FillerState) -> None:
        """Go back to what `snapshot` returned, with only `fill` between the two."""
        self._since, self._faded, self._noise.position, self._described, self._comfort = state

    def _learn(self, count: int) -> None:
        """Remember the quietest part of what was heard."""
        self._least *= 10 ** (FORGET_DB_PER_S / 10 * count / self._rate)
        if self._filled < self._part:
            return
        part = self._recent[self._recent.size - self._part :]
        power = float(part @ part) / self._part
        # Not for every small change: noise is made anew for it.
        if power < self._least * NOTICED:
            self._least = power
            self._quietest = self._bounded(part)

    def _repeat(self, out: Samples, conceal: Callable[[Samples], None]) -> None:
        """Concealment, and noise where it has become less than the background."""
        conceal(out)
        if self._quietest is None:
            return
        self._noise.set(self._quietest)
        wanted = self._noise.power
        count = out.size // self._hop
        powers = np.square(out[: count * self._hop].reshape(count, self._hop)).mean(axis=1)
        if not count or wanted <= 0.0 or float(powers.min()) >= wanted:
            return
        gains = np.sqrt(np.maximum(1 - powers / wanted, 0), dtype=np.float32)
        added: Samples = np.empty(out.size, dtype=np.float32)
        self._noise.fill(added)
        added[: count * self._hop] *= np.repeat(gains, self._hop)
        added[count * self._hop :] *= gains[-1]
        out += added

    def _pause(self, out: Samples, conceal: Callable[[Samples], None]) -> None:
        if not self._filled and self._described is None:
            out[:] = 0.0
            return
        if not self._comfort:
            self._comfort = True
            self._noise.set(self._measured() if self._described is None else self._described)
        self._noise.fill(out)
        self.comfort += out.size
        if self._faded < self._fade.size:
            count = min(out.size, self._fade.size - self._faded)
            falling = self._fade[self._faded : self._faded + count]
            before: Samples = np.empty(count, dtype=np.float32)
            conceal(before)
            # Powers add up to one, as the two are not alike.
            out[:count] *= np.sqrt(1 - falling * falling)
            out[:count] += before * falling
            self._faded += count

    def _measured(self) -> Background:
        """The background: the quietest part of what was heard last, unless that is much louder than it has been."""
        recent = self._recent[self._recent.size - self._filled :]
        part = min(recent.size, self._part)
        sums = np.concatenate(([0.0], np.cumsum(np.square(recent, dtype=np.float64))))
        powers = sums[part:] - sums[: sums.size - part]
        quietest = int(np.argmin(powers))
        if self._quietest is not None and powers[quietest] / part > BELIEVED * self._least:
            return self._quietest
        return self._bounded(recent[quietest : quietest + part])

    def _bounded(self, part: Samples) -> Background:
        """The background that *part* would be, not above `LOUDEST_DBOV`."""
        found = Background.measure(part, self._rate)
        return found if found.level_dbov <= LOUDEST_DBOV else Background(LOUDEST_DBOV, found.reflection)


def push(past: Samples, block: Samples) -> None:
    """Let *block* follow in *past*, which forgets as much."""
    if block.size >= past.size:
        past[:] = block[block.size - past.size :]
    else:
        past[: past.size - block.size] = past[block.size :]
        past[past.size - block.size :] = block
