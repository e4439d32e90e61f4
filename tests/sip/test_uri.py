import pytest

from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.grammar import is_ipv6
from softphone.sip.uri import NameAddr, SipUri, escape_user

# RFC 3261 section 19.1.3, and one for each part of the grammar
URIS = [
    "sip:alice@atlanta.com",
    "sip:alice:secretword@atlanta.com;transport=tcp",
    "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
    "sip:+1-212-555-1212:1234@gateway.com;user=phone",
    "sips:1212@gateway.com",
    "sip:alice@192.0.2.4",
    "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
    "sip:alice;day=tuesday@atlanta.com",
    "sip:[2001:db8::10]",
    "sip:user@[2001:db8::10]:5070;transport=udp",
    "sip:atlanta.com.",
    "sip:a_b.example:0",
    "sip:u:@h",
    "tel:+358-555-1234567;postd=pp22",
    "urn:service:sos",
    "http://www.example.com/a?b=c",
]

# RFC 3261 section 19.1.4
SAME = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("sip:a%2fb@h", "sip:a%2Fb@h"),
    ("sip:u@h;a%62c=%64", "sip:u@h;abc=d"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:bob@h", "sips:bob@h"),
    ("sip:bob@h", "sip:h"),
    ("sip:bob@h", "sip:bob:secret@h"),
    ("sip:bob@h", "sip:bob@h;maddr=192.0.2.1"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("tel:+1", "tel:+2"),
]


@pytest.mark.parametrize("text", URIS)
def test_a_uri_comes_back_as_it_was_written(text: str):
    assert str(SipUri.parse(text)) == text


def test_a_uri_is_taken_apart():
    uri = SipUri.parse("SIP:alice;x:pw@[2001:DB8::1]:5061;Transport=TCP;lr?Subject=a&to=b")
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == (
        "sip",
        "alice;x",
        "pw",
        "2001:DB8::1",
        5061,
    )
    assert uri.params == {"transport": "TCP", "lr": None}
    assert uri.headers == (("Subject", "a"), ("to", "b"))


def test_a_uri_of_another_scheme_is_kept_whole():
    uri = SipUri.parse("TEL:+1-201-555-0123;phone-context=x")
    assert (uri.scheme, uri.opaque, uri.host) == ("tel", "+1-201-555-0123;phone-context=x", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "alice@atlanta.com",
        "127.0.0.1:5060",
        "sip:",
        "sip:@host",
        "sip:alice@",
        "sip: alice@host",
        "sip:alice@host ",
        " sip:alice@host",
        "sip:alice@ho st",
        "sip:alice@host;",
        "sip:alice@host;;lr",
        "sip:alice@host;lr;LR",
        "sip:alice@host;l%72;lr",
        "sip:alice@host;x=",
        "sip:alice@host;x=a=b",
        "sip:alice@host?",
        "sip:alice@host?novalue",
        "sip:alice@host?=x",
        "sip:a@b@c",
        "sip:a%4@host",
        "sip:a%zz@host",
        'sip:a"b@host',
        "sip:a:p;w@host",
        "sip:jürgen@host",
        "sip:host:",
        "sip:host:x",
        "sip:host:65536",
        "sip:host:-1",
        "sip:host:+5",
        "sip:host:\u0665",
        "sip:-host",
        "sip:host-",
        "sip:a..b",
        "sip:" + "a" * 64 + ".example",
        "sip:" + "a." * 128 + "a",
        "sip:[::1",
        "sip:[::1]x",
        "sip:[1.2.3.4]",
        "sip:::1",
        "sip:2001:db8::10",
        "sip:2001:db8::10:5070",
        "sip:[2001:db8:::10]",
        "sip:[fe80::1%eth0]",
        "1sip:alice@host",
        "si p:alice@host",
        "tel:",
        "tel:+1 2",
        "tel:<1>",
    ],
)
def test_what_is_no_uri_is_refused(text: str):
    with pytest.raises(SipParseError) as caught:
        SipUri.parse(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(("one", "other"), SAME)
def test_uris_that_mean_the_same_match(one: str, other: str):
    assert SipUri.parse(one).matches(SipUri.parse(other))
    assert SipUri.parse(other).matches(SipUri.parse(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_uris_that_mean_something_else_do_not_match(one: str, other: str):
    assert not SipUri.parse(one).matches(SipUri.parse(other))
    assert not SipUri.parse(other).matches(SipUri.parse(one))


def test_equal_uris_have_equal_hashes():
    assert hash(SipUri.parse("sip:a@b;lr")) == hash(SipUri.parse("sip:a@b;lr"))
    assert SipUri.parse("sip:a@b;lr") == SipUri.parse("SIP:a@b;LR")


def test_a_user_of_any_characters_can_be_escaped():
    uri = SipUri("sip", escape_user("50% @ Jürgens/☎"), host="example.com")
    again = SipUri.parse(str(uri))
    assert again == uri
    assert again.user_text == "50% @ Jürgens/☎"


@pytest.mark.parametrize(
    "text",
    [
        "::",
        "::1",
        "1::",
        "2001:db8::10",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::ffff:192.0.2.1",
        "1:2:3:4:5:6:1.2.3.4",
    ],
)
def test_an_ipv6_address_is_known(text: str):
    assert is_ipv6(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":::",
        "1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "12345::",
        "::g",
        "::1.2.3",
        "::1.2.3.256",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:",
        ":1",
        "::1:",
        "1:2:3:4:5:6:7:8::",
    ],
)
def test_what_is_no_ipv6_address_is_known(text: str):
    assert not is_ipv6(text)


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("<sip:a@b>", "", "sip:a@b", {}),
        ("sip:a@b", "", "sip:a@b", {}),
        ("sip:a@b;tag=x", "", "sip:a@b", {"tag": "x"}),
        ("<sip:a@b;lr>;tag=x", "", "sip:a@b;lr", {"tag": "x"}),
        ("Alice <sip:a@b>", "Alice", "sip:a@b", {}),
        ("Alice B. Toklas<sip:a@b>", "Alice B. Toklas", "sip:a@b", {}),
        ('"Bell, Alexander; <x>" <sip:a@b> ; Tag = 4 ', "Bell, Alexander; <x>", "sip:a@b", {"tag": "4"}),
        ('"" <sip:a@b>', "", "sip:a@b", {}),
        (r'"a \"b\" \\ c"<sip:a@b>', r'a "b" \ c', "sip:a@b", {}),
        ("Jörg <sip:a@b>", "Jörg", "sip:a@b", {}),
        ('sip:a@b;x="<;>,"', "", "sip:a@b", {"x": '"<;>,"'}),
        ('<sip:a@b>;+a.b="<urn:uuid:0>";q=0.5', "", "sip:a@b", {"+a.b": '"<urn:uuid:0>"', "q": "0.5"}),
        ("<sip:a@b?X=1>", "", "sip:a@b?X=1", {}),
        ("<tel:+1;x=y>;tag=z", "", "tel:+1;x=y", {"tag": "z"}),
    ],
)  # fmt: skip
def test_an_address_is_taken_apart(text: str, display: str, uri: str, params: dict[str, str | None]):
    address = NameAddr.parse(text)
    assert (address.display, str(address.uri), address.params) == (display, uri, params)
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "<sip:a@b",
        "sip:a@b>",
        "< sip:a@b>",
        "<sip:a@b >",
        '"Alice <sip:a@b>',
        '"Alice" sip:a@b',
        '"Alice"',
        '"Alice\\" <sip:a@b>',
        "Bell, Alexander <sip:a@b>",
        "Alice (home) <sip:a@b>",
        "<sip:a@b>tag=x",
        "<sip:a@b>;",
        "<sip:a@b>;;tag=x",
        "<sip:a@b>;tag=x;TAG=y",
        "<sip:a@b>;tag=",
        "<sip:a@b>;tag=a b",
        '<sip:a@b>;x="open',
        "<sip:a@b>, <sip:c@d>",
        "sip:a@b?X=1",
        "sip:a,b@c",
        "*",
        '"\x07" <sip:a@b>',
    ],
)
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(SipParseError):
        NameAddr.parse(text)


def test_a_tag_is_added_to_a_copy():
    address = NameAddr.parse("<sip:a@b>;x")
    tagged = address.with_tag("1")
    assert (address.tag, tagged.tag) == (None, "1")
    assert str(tagged) == "<sip:a@b>;x;tag=1"


def test_a_display_name_is_quoted_where_it_must_be():
    uri = SipUri.parse("sip:a@b")
    assert str(NameAddr(uri, "Alice")) == "Alice <sip:a@b>"
    assert str(NameAddr(uri, 'A "B" \\, C')) == r'"A \"B\" \\, C" <sip:a@b>'
    assert str(NameAddr(uri, "Jörg")) == '"Jörg" <sip:a@b>'
    assert NameAddr.parse(str(NameAddr(uri, "a\x00b\x7f"))).display == "a\x00b\x7f"


def test_a_display_name_with_a_line_end_is_our_own_fault():
    with pytest.raises(LocalSipError):
        str(NameAddr(SipUri.parse("sip:a@b"), "a\r\nSubject: x"))


def test_broken_utf8_in_a_display_name_shows_as_replacement_characters():
    text = b'"M\xfcller" <sip:a@b>'.decode("utf-8", "surrogateescape")
    assert NameAddr.parse(text).display == "M\ufffdller"


@pytest.mark.parametrize("text", ["Bob \n<sip:a@b>", '"Bob\\\n" <sip:a@b>', '"\\\r" <sip:a@b>'])
def test_a_display_name_is_one_line(text):
    with pytest.raises(SipParseError, match="display name"):
        NameAddr.parse(text)
