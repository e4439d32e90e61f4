"""HTTP, hosts and addresses without sockets: any bytes are a request of ours or refused with a status."""

import re
from collections.abc import Callable
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from softphone.io.control.hosts import check_host, check_origin
from softphone.io.control.http import Refusal, Request, head_of, parse_request, span_of
from softphone.io.control.limits import Bucket, Seats
from softphone.io.control.listening import reachable_hosts

T = TypeVar("T")
STATUSES = {400, 405, 431, 505}
HEADER = st.tuples(
    st.sampled_from([b"Host", b"host", b"Origin", b"X", b"Content-Length", b"Range", b"\xff"]),
    st.binary(max_size=20),
)


def outcome(work: Callable[..., T], *given: object) -> T | Refusal:
    """What *work* returns, or how it refuses; it raises nothing else."""
    try:
        return work(*given)
    except Refusal as refusal:
        return refusal


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    found = outcome(parse_request, data + b"\r\n\r\n")
    if isinstance(found, Refusal):
        assert found.status in STATUSES
        assert bytes(found).startswith(b"HTTP/1.1 %d " % found.status)
    else:
        assert found.path.startswith("/")


@given(st.lists(HEADER, max_size=6))
def test_headers_of_a_request_are_text_without_ends_of_lines(headers: list[tuple[bytes, bytes]]) -> None:
    head = b"GET / HTTP/1.1\r\n" + b"".join(b"%s: %s\r\n" % each for each in headers) + b"\r\n"
    found = outcome(parse_request, head)
    if isinstance(found, Refusal):
        assert found.status in STATUSES
        return
    for name, value in found.headers.items():
        assert name == name.lower()
        assert not re.search(r"[\r\n\0]", name + value)


@given(
    st.one_of(st.text(max_size=30), st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True)),
    st.integers(0, 10**6),
)
def test_a_range_lies_within_the_file_or_is_refused_or_passed_over(header: str, size: int) -> None:
    found = outcome(span_of, header, size)
    if isinstance(found, Refusal):
        assert found.status == 416
    else:
        assert found is None or (0 <= found.start < found.stop <= size)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_host_that_is_let_in_is_an_address_or_localhost(host: str, origin: str) -> None:
    def check() -> None:
        request = Request("/", {"host": host, "origin": origin})
        check_host(request, "192.0.2.1", ())
        check_origin(request, "http")

    found = outcome(check)
    if isinstance(found, Refusal):
        assert found.status in (400, 403)
    else:
        assert re.match(r"localhost|127\.|\[|192\.0\.2\.1", host, re.IGNORECASE)
        assert origin == f"http://{host}"


def test_no_header_of_an_answer_ends_early() -> None:
    head = head_of(200, 5, "text/plain", [("ETag", '"x"')])
    assert head.count(b"\r\n\r\n") == 1
    assert head.endswith(b"\r\n\r\n")
    assert b"Content-Length: 5\r\n" in head


def test_addresses_to_be_reached_at_stand_as_in_a_url() -> None:
    assert reachable_hosts("127.0.0.1", ()) == ["127.0.0.1"]
    assert reachable_hosts("127.0.0.1", ("studio.local",)) == ["127.0.0.1", "studio.local"]
    assert reachable_hosts("192.0.2.1", ("studio.local",)) == ["studio.local", "192.0.2.1"]
    assert reachable_hosts("2001:db8::1", ()) == ["[2001:db8::1]"]
    everywhere = reachable_hosts("0.0.0.0", ())
    assert everywhere[-1] == "127.0.0.1"
    assert "0.0.0.0" not in everywhere


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(10, 20, 0.0)
    assert [bucket.take(0.0) for _ in range(21)] == [True] * 20 + [False]
    assert [bucket.take(0.1), bucket.take(0.1)] == [True, False]
    assert bucket.take(1.0, 9)
    assert not bucket.take(1.0, 1)
    assert [bucket.take(1000.0) for _ in range(21)] == [True] * 20 + [False]


def test_who_has_waited_longest_gives_way_to_one_of_the_same_address_first() -> None:
    seats: Seats[str] = Seats(4, 2)
    for member, key in (("a1", "a"), ("b1", "b"), ("a2", "a")):
        seats.take(member, key)
    assert seats.is_full("a")
    assert not seats.is_full("b")
    assert seats.oldest("a") == "a1"
    seats.take("c1", "c")
    assert seats.is_full("d")
    assert seats.oldest("d") == "a1"
    assert seats.oldest("a") == "a1"
    seats.leave("a1")
    seats.leave("a1")
    assert len(seats) == 3
    assert not seats.is_full("a")
