# Any bytes given to parse_compound give packets that go out and come back the same, or RtcpError.

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.rtp.errors import RtcpError
from softphone.rtp.rtcp import (
    App,
    Bye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
    UnknownRtcp,
    parse_compound,
    write_compound,
)
from softphone.rtp.xr import DelaySince, ExtendedReport, ReferenceTime, UnknownBlock, VoipMetrics

u32 = st.integers(0, 0xFFFFFFFF)
words = st.integers(0, 4).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n))
blocks = st.lists(
    st.builds(ReportBlock, u32, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), u32, u32, u32, u32),
    max_size=3,
).map(tuple)
reports = st.builds(SenderReport, u32, st.integers(0, 2**64 - 1), u32, u32, u32, blocks, words) | st.builds(
    ReceiverReport, u32, blocks, words
)
items = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=20)), max_size=3).map(tuple)
u8, u16 = st.integers(0, 255), st.integers(0, 0xFFFF)
level = st.integers(-128, 127)
metrics = {field.name: u8 for field in dataclasses.fields(VoipMetrics)}
metrics |= {name: u16 for name in metrics if name.endswith("_ms")}
metrics |= {name: level for name in metrics if name.endswith("_dbm")} | {"ssrc": u32}
xr_blocks = st.one_of(
    st.builds(ReferenceTime, st.integers(0, 2**64 - 1)),
    st.builds(DelaySince, st.lists(st.tuples(u32, u32, u32), max_size=3).map(tuple)),
    st.builds(VoipMetrics, **metrics),
    st.builds(UnknownBlock, st.integers(8, 255), u8, words),
)
others = st.one_of(
    st.builds(SourceDescription, st.lists(st.builds(SdesChunk, u32, items), max_size=3).map(tuple)),
    st.builds(Bye, st.lists(u32, max_size=3).map(tuple), st.binary(max_size=20)),
    st.builds(App, st.integers(0, 31), u32, st.binary(min_size=4, max_size=4), words),
    st.builds(UnknownRtcp, st.integers(208, 223), st.integers(0, 31), words),
    st.builds(ExtendedReport, u32, st.lists(xr_blocks, max_size=3).map(tuple)),
)
compounds = st.tuples(reports, st.lists(others | reports, max_size=4)).map(lambda t: (t[0], *t[1]))


def parse(data):
    try:
        return parse_compound(data)
    except RtcpError:
        return None


@settings(deadline=None, max_examples=200)
@given(compounds)
def test_every_compound_comes_back_as_it_went(compound):
    assert parse_compound(write_compound(compound)) == compound


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda b: b"\x80\xc9\0\1" + b))
def test_any_bytes_are_a_compound_or_one_error(data):
    packets = parse(data)
    if packets is not None:
        assert parse_compound(write_compound(packets)) == packets


@settings(deadline=None, max_examples=60)
@given(compounds)
def test_a_compound_cut_at_each_byte_is_a_shorter_one_or_one_error(compound):
    data = write_compound(compound)
    for end in range(len(data)):
        parse(data[:end])


@settings(deadline=None, max_examples=200)
@given(compounds, st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_mutated_compound_is_another_one_or_one_error(compound, changes):
    data = bytearray(write_compound(compound))
    for at, value in changes:
        data[at % len(data)] = value
    packets = parse(bytes(data))
    if packets is not None:
        assert parse_compound(write_compound(packets)) == packets


@settings(deadline=None, max_examples=200)
@given(st.lists(others | reports, min_size=1, max_size=4).map(tuple))
def test_every_datagram_of_reduced_size_comes_back_as_it_went(packets):
    assert parse_compound(write_compound(packets, reduced=True), reduced=True) == packets


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80))
def test_any_bytes_of_reduced_size_are_packets_or_the_one_error(data):
    try:
        packets = parse_compound(data, reduced=True)
    except RtcpError:
        return
    assert parse_compound(write_compound(packets, reduced=True), reduced=True) == packets
