"""Ladders in a real browser: on a desk and on a phone, alone in a page, as a picture and within a page of others."""

import pytest
from support.browser import browser, keep_picture, needs_browser
from support.ladders import ALICE, BOB, PROXY, Sent, message, sdp, simple_call, spoken, write_capture

from softphone.app.ladder_file import read_ladders
from softphone.app.ladder_svg import ladders_svg

pytestmark = needs_browser

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<body style="margin:0"><h1>A report</h1>{svg}<img src="{name}" width="100%" alt="ladder">"""
SHOWN_TEXTS = """() => {
  const svg = document.querySelector('svg.ladder'), box = svg.getBoundingClientRect()
  return [...svg.querySelectorAll('text')].filter(text => getComputedStyle(text).display !== 'none').map(text => {
    const own = text.getBoundingClientRect()
    return {words: text.firstChild ? text.firstChild.data : '', left: own.left - box.left, right: own.right - box.left,
            width: box.width, size: parseFloat(getComputedStyle(text).fontSize)}
  })
}"""


def through_a_proxy() -> list[Sent]:
    invite = message("INVITE sip:bob@192.0.2.2", body=sdp("192.0.2.1", 4000))
    return [
        Sent(0, ALICE, PROXY, invite),
        Sent(0.1, PROXY, ALICE, message("SIP/2.0 407 Proxy Authentication Required", to_tag="9")),
        Sent(0.2, PROXY, BOB, message("INVITE sip:bob@192.0.2.2", branch="p", body=sdp("192.0.2.1", 4000))),
        Sent(0.3, BOB, PROXY, message("SIP/2.0 200 OK", branch="p", to_tag="2", body=sdp("192.0.2.2", 4002))),
        *spoken(("192.0.2.1", 4000), ("192.0.2.2", 4002), at=0.4, packets=50),
    ]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ladders")
    for name, sent in (("two", simple_call()), ("three", through_a_proxy())):
        svg = ladders_svg(read_ladders(str(write_capture(folder / name, *sent))).ladders)
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{name}.html").write_text(PAGE.format(svg=svg, name=f"{name}.svg"), encoding="utf-8")
    return folder


def test_everything_is_readable_and_within_the_drawing_on_a_desk_and_on_a_phone(pages, tmp_path):
    with browser() as launched:
        for width in (1280, 390):
            for name in ("two", "three"):
                page = launched.new_page(viewport={"width": width, "height": 900})
                page.goto((pages / f"{name}.html").as_uri())
                texts = page.evaluate(SHOWN_TEXTS)
                out = [each for each in texts if each["left"] < 0 or each["right"] > each["width"]]
                assert out == []
                assert min(each["size"] for each in texts) >= 11
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                words = {each["words"] for each in texts}
                # A phone has room for the words of two columns; of three it keeps method and status.
                whole = width > 600 or name == "two"
                assert ("SDP PCMU, telephone-event" in words) is whole
                assert {"INVITE", "200 OK" if whole else "200"} <= words
                heights = page.evaluate(
                    "[...document.querySelectorAll('svg, img')].map(each => each.getBoundingClientRect().height)"
                )
                assert heights[0] == heights[1]
                keep_picture(page, f"ladder-{name}-{width}", tmp_path, whole=True)
                page.close()


def test_it_follows_a_dark_page(pages):
    with browser() as launched:
        page = launched.new_page(color_scheme="dark")
        page.goto((pages / "two.html").as_uri())
        card, ink = (
            page.evaluate(
                f"getComputedStyle(document.querySelector('svg.ladder')).getPropertyValue('--{name}')"
            )
            for name in ("card", "ink")
        )
        assert (card.strip(), ink.strip()) == ("#1d2025", "#e8e9ec")
