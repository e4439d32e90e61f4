"""Captures of network traffic (pcap, pcapng): bytes of a file in, datagrams and RTP streams out.

Nothing here raises on what stands behind a file's first bytes: it is counted.
"""

from softphone.capture.copies import without_copies
from softphone.capture.datagrams import Datagram, datagrams
from softphone.capture.errors import CaptureError
from softphone.capture.figures import NetworkFigures, network_figures
from softphone.capture.flows import Flow, FlowKey
from softphone.capture.frames import Frame, frames, is_capture
from softphone.capture.stats import CaptureStats
from softphone.capture.streams import RtpStream, StreamCollector

__all__ = [
    "CaptureError",
    "CaptureStats",
    "Datagram",
    "Flow",
    "FlowKey",
    "Frame",
    "NetworkFigures",
    "RtpStream",
    "StreamCollector",
    "datagrams",
    "frames",
    "is_capture",
    "network_figures",
    "without_copies",
]
