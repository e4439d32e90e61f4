# The report on a call is written as RFC 6035 section 4.6 has it, without what was not measured.

from dataclasses import replace

from test_xr import METRICS

from softphone.rtp.quality_report import ReportedSession, ReportedStream, quality_report
from softphone.rtp.xr import NOT_MEASURED

SESSION = ReportedSession(
    call_id="6dg37f1890463",
    dialog_id="6dg37f1890463;to-tag=8472761;from-tag=9123dh311",
    local="sip:alice@192.0.2.1",
    remote="sip:bob@192.0.2.2",
    caller="sip:bob@192.0.2.2",
    local_address=("192.0.2.1", 4000),
    remote_address=("192.0.2.2", 5000),
    local_ssrc=0xA,
    remote_ssrc=0xB,
    started="2026-01-01T12:00:00Z",
    ended="2026-01-01T12:01:00Z",
    stream=ReportedStream(payload_type=0, name="PCMU", clock_rate_hz=8000, packet_ms=20),
)
REPORT = """VQSessionReport: CallTerm
CallID: 6dg37f1890463
LocalID: <sip:alice@192.0.2.1>
RemoteID: <sip:bob@192.0.2.2>
OrigID: <sip:bob@192.0.2.2>
LocalAddr: IP=192.0.2.1 PORT=4000 SSRC=0x0000000a
RemoteAddr: IP=192.0.2.2 PORT=5000 SSRC=0x0000000b
LocalMetrics:
Timestamps: START=2026-01-01T12:00:00Z STOP=2026-01-01T12:01:00Z
SessionDesc: PT=0 PD=PCMU SR=8000 FD=20 FPP=1 PPS=50 PLC=3
JitterBuffer: JBA=3 JBR=0 JBN=60 JBM=200 JBX=500
PacketLoss: NLR=4.7 JDR=1.2
BurstGapLoss: BLD=50.0 BD=120 GLD=0.8 GD=4000 GMIN=16
Delay: RTD=35 ESD=140 IAJ=2
Signal: SL=-20 NL=-60
QualityEst: RCQ=88 MOSLQ=4.1 MOSCQ=4.0
DialogID: 6dg37f1890463;to-tag=8472761;from-tag=9123dh311
"""


def test_a_report_is_written_line_by_line_as_the_rfc_has_it():
    report = quality_report(SESSION, local=METRICS, jitter_ms=2.2, remote=None)
    assert report.decode() == REPORT.replace("\n", "\r\n")


def test_what_the_peer_heard_is_told_apart_and_what_nobody_measured_is_left_out():
    nothing = replace(
        METRICS,
        signal_level_dbm=NOT_MEASURED,
        noise_level_dbm=NOT_MEASURED,
        r_factor=NOT_MEASURED,
        mos_lq=NOT_MEASURED,
        mos_cq=NOT_MEASURED,
        round_trip_ms=0,
        end_system_delay_ms=0,
    )
    text = quality_report(SESSION, local=METRICS, jitter_ms=2.2, remote=nothing).decode()
    theirs = text.partition("RemoteMetrics:")[2]
    assert "PacketLoss: NLR=4.7" in theirs
    assert not {"Delay", "Signal", "QualityEst"} & {line.partition(":")[0] for line in theirs.split("\r\n")}
    assert "127" not in theirs
