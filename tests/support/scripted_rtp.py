"""RTP of the scripted peer: PCMU on a plain socket."""

import socket
import struct
from dataclasses import dataclass

Address = tuple[str, int]
PTIME_S = 0.02
TONE_HZ = 400


def mu_law(sample: float) -> int:
    """ITU-T G.711 mu-law of a sample of full scale 1."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(int(abs(sample) * 32768), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def square_tone(level: float = 0.1) -> bytes:
    """20 ms of a square wave at 8 kHz in mu-law; whole periods, so that packets join."""
    half = 8000 // TONE_HZ // 2
    return (bytes([mu_law(level)]) * half + bytes([mu_law(-level)]) * half) * (160 // (2 * half))


TONE = square_tone()


@dataclass(frozen=True)
class Heard:
    """An RTP packet as it was heard."""

    at: float
    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    port: int


@dataclass
class Stream:
    """RTP that we send, 20 ms of PCMU a packet."""

    socket: socket.socket
    to: Address
    next_at: float
    ssrc: int = 0x5EED
    sequence_number: int = 65_530  # it wraps soon
    timestamp: int = 0xFFFF_FF00
    payload_type: int = 0
    payload: bytes = TONE

    def send_due(self, now: float) -> None:
        """Send what is due."""
        while self.next_at <= now:
            self.next_at += PTIME_S
            self.packet(self.payload_type, self.payload)
            self.sequence_number = self.sequence_number + 1 & 0xFFFF
            self.timestamp = self.timestamp + 160 & 0xFFFF_FFFF

    def packet(self, payload_type: int, payload: bytes) -> None:
        """Send one packet here and now."""
        header = struct.pack("!BBHII", 0x80, payload_type, self.sequence_number, self.timestamp, self.ssrc)
        self.socket.sendto(header + payload, self.to)
