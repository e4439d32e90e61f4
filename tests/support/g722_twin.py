"""ITU-T G.722 at 64 kbit/s once more, sub-block by sub-block as section 6.2 lists them, in Python's integers."""

from collections.abc import Sequence

H = (3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876)  # table 11/G.722, H(0) to H(11)
TAPS = H + H[::-1]
LEVELS = (
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
)  # fmt: skip
OUTPUTS = (
    17, 54, 91, 130, 170, 211, 254, 300, 347, 396, 447, 501, 558, 618, 682, 750, 822, 899, 982, 1072, 1170, 1279,
    1399, 1535, 1689, 1873, 2088, 2376, 2738, 3101,
)  # fmt: skip
POSITIVE = tuple(range(61, 31, -1))
NEGATIVE = (63, 62, *range(31, 3, -1))
DIFFERENCE_OF_SIX = (
    {0: -17, 1: -17, 2: -17, 3: -17}
    | dict(zip(POSITIVE, OUTPUTS, strict=True))
    | dict(zip(NEGATIVE, (-each for each in OUTPUTS), strict=True))
)
DIFFERENCE_OF_FOUR = (
    0, -2557, -1612, -1121, -786, -530, -323, -150, 2557, 1612, 1121, 786, 530, 323, 150, 0,
)  # fmt: skip
CHANGE_OF_FOUR = (
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
)  # fmt: skip
DIFFERENCE_OF_TWO = (-926, -202, 926, 202)
CHANGE_OF_TWO = (798, -214, 798, -214)


def clip(value: int, low: int = -32768, high: int = 32767) -> int:
    return max(low, min(high, value))


def sign(value: int) -> int:
    return -1 if value < 0 else 1


class Band:
    """Block 3 and block 4 of one sub-band; variables have the standard's names without their L or H."""

    def __init__(self, det: int, most: int, shift: int) -> None:
        self.det, self.most, self.shift = det, most, shift
        self.nb = self.s = self.sz = self.a1 = self.a2 = self.r1 = self.r2 = self.p1 = self.p2 = 0
        self.b, self.d = [0] * 6, [0] * 6

    def quantized(self, level: int) -> int:
        return self.det * (level * 8) >> 15

    def interval(self, x: int, levels: Sequence[int]) -> tuple[int, int]:
        """Sign and number of the interval that the difference to *x* lies in."""
        e = clip(x - self.s)
        size = e if e >= 0 else -e - 1
        return sign(e), sum(size >= self.quantized(level) for level in levels)

    def adapt(self, difference: int, change: int) -> None:
        self.predict(self.quantized(difference))
        self.nb = clip((self.nb * 127 >> 7) + change, 0, self.most)
        linear = round(2048 * 2 ** ((self.nb >> 6 & 31) / 32))
        self.det = (linear << (self.nb >> 11) >> self.shift) * 4

    def predict(self, d: int) -> None:
        r, p = clip(self.s + d), clip(self.sz + d)
        turn = -sign(p) * sign(self.p1)
        a2 = (clip(turn * clip(4 * self.a1)) >> 7) + 128 * sign(p) * sign(self.p2) + (self.a2 * 127 >> 7)
        a2 = clip(a2, -12288, 12288)
        self.a1 = clip(-192 * turn + (self.a1 * 255 >> 8), a2 - 15360, 15360 - a2)
        self.a2 = a2
        self.b = [
            (128 * sign(d) * sign(past) if d else 0) + (b * 255 >> 8)
            for b, past in zip(self.b, self.d, strict=True)
        ]
        self.d = [d, *self.d[:5]]
        self.r1, self.r2, self.p1, self.p2 = r, self.r1, p, self.p1
        self.sz = 0
        for b, past in zip(reversed(self.b), reversed(self.d), strict=True):
            self.sz = clip(self.sz + (b * clip(2 * past) >> 15))
        poles = clip((self.a1 * clip(2 * self.r1) >> 15) + (self.a2 * clip(2 * self.r2) >> 15))
        self.s = clip(poles + self.sz)


class Twin:
    """Both sub-bands."""

    def __init__(self) -> None:
        self.low, self.high = Band(32, 18432, 8), Band(8, 22528, 10)

    def adapt(self, octet: int) -> None:
        four, two = octet >> 2 & 15, octet >> 6
        self.low.adapt(DIFFERENCE_OF_FOUR[four], CHANGE_OF_FOUR[four])
        self.high.adapt(DIFFERENCE_OF_TWO[two], CHANGE_OF_TWO[two])


class TwinEncoder(Twin):
    """16-bit samples -> octets."""

    def encode(self, samples: Sequence[int]) -> bytes:
        padded = [0] * 22 + list(samples)
        octets = bytearray()
        for start in range(0, len(padded) - 22, 2):
            terms = [h * x for h, x in zip(TAPS, reversed(padded[start : start + 24]), strict=True)]
            xa, xb = sum(terms[0::2]), sum(terms[1::2])
            way, number = self.low.interval(clip(xa + xb >> 14, -16384, 16383), LEVELS)
            low = POSITIVE[number] if way > 0 else NEGATIVE[number]
            way, number = self.high.interval(clip(xa - xb >> 14, -16384, 16383), (564,))
            high = (3 if way > 0 else 1) - number
            octets.append(high << 6 | low)
            self.adapt(octets[-1])
        return bytes(octets)


class TwinDecoder(Twin):
    """Octets -> 16-bit samples."""

    def decode(self, octets: bytes) -> list[int]:
        xd, xs = [0] * 12, [0] * 12
        samples = []
        for octet in octets:
            rl = self.low.s + self.low.quantized(DIFFERENCE_OF_SIX[octet & 63])
            rh = self.high.s + self.high.quantized(DIFFERENCE_OF_TWO[octet >> 6])
            rl, rh = clip(rl, -16384, 16383), clip(rh, -16384, 16383)
            self.adapt(octet)
            xd, xs = [clip(rl - rh), *xd[:11]], [clip(rl + rh), *xs[:11]]
            for history, taps in ((xd, TAPS[0::2]), (xs, TAPS[1::2])):
                samples.append(clip(sum(h * x for h, x in zip(taps, history, strict=True)) >> 11))
        return samples
