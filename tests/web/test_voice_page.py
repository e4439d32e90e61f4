"""The tab Voice in a browser: the real server, desk and store of memos; the voice is acted, and nothing is measured."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.browser import (
    DESKTOP,
    PHONE,
    Watched,
    assert_fits_and_reads_well,
    browser,
    keep_picture,
    needs_browser,
    until,
    until_here,
)
from support.served_filter import TOKEN, ServedFilter
from support.voices import RESULT, ActedMeasuring, ActedTake, kept_memo

from dsp.preset import Preset
from softphone.app.memo_shelf import MemoShelf
from softphone.app.voice_desk import VoiceDesk
from softphone.io.control.tickets import Tickets
from softphone.io.memos.store import MemoStore
from softphone.memo_config import MeasureSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.e2e, needs_browser]


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    with browser() as launched:
        yield launched


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedFilter]:
    store = MemoStore(tmp_path / "memos")
    kept_memo(store, "monday", day=5)
    refused = {"jitter_local_pct": None, "shimmer_local_pct": None, "task": {"kind": "speech"}}
    noisy = {"verdict": ["noisy"], "warnings": ["The voice is only 14 dB above the noise."]}
    kept_memo(store, "story", day=6, result={**RESULT, **refused, **noisy})

    def domains(tickets: Tickets) -> list[Any]:
        shelf = MemoShelf(store, MeasureSettings(), ActedMeasuring(RESULT))
        desk = VoiceDesk(shelf, tickets, lambda name: ActedTake(store, name))
        desk.open()
        return [desk]

    preset = Preset.parse({"filter": [{"type": "gain"}]}, "plain")
    made = ServedFilter(preset, tmp_path / "presets", domains, has_filter=False)
    desk_of(made).is_wanted = lambda topic: topic in made.wanted_topics()
    yield made
    desk_of(made).close()
    made.close()


def desk_of(served: ServedFilter) -> VoiceDesk:
    desk = served.domains[0]
    assert isinstance(desk, VoiceDesk)
    return desk


@pytest.fixture
def pages(chromium: "Browser", served: ServedFilter) -> Iterator[Watched]:
    watched = Watched(chromium, served.url)
    yield watched
    watched.close()


def here(pages: Watched, token: str = TOKEN, **options: Any) -> "Page":
    page = pages.open(f"#token={token}", name="Anna", **options)
    until_here(page)
    page.locator("#panel-voice").wait_for()
    return page


def take_of(served: ServedFilter) -> ActedTake:
    take = desk_of(served).take
    assert isinstance(take, ActedTake)
    return take


def test_a_memo_is_recorded_seen_and_stopped(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    page.get_by_label("New memo").fill("evening")
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("Recording “evening”").wait_for()
    for words in (
        "221.0 Hz · A3 +8",
        "HPR \N{MINUS SIGN}27.4 dB",
        "\N{MINUS SIGN}21.3",
        "0.41 %",
        "2.31 %",
        "21.4 dB",
        "15.2 dB",
        "Of 3.0 s.",
    ):
        page.get_by_text(words).first.wait_for()
    take = take_of(served)
    before = take.asked
    until(page, lambda: take.asked >= before + 20, "20 more readings were told")
    label = page.get_by_role("img", name="Pitch of the last 10 seconds")
    assert "Hz" in (label.get_attribute("aria-label") or "")
    page.keyboard.press("Enter")  # the focus is still on the button
    memo = page.get_by_role("region", name="evening")
    memo.get_by_text("0.41 %").wait_for()
    page.get_by_text("Not recording.").wait_for()
    assert served.dispatcher.domains[0].take is None


def test_clipping_is_seen_and_what_is_wrong_is_said(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("Recording “2026-01-31-120000”").wait_for()
    take = take_of(served)
    vowel = {"state": "clipped", "why": "Clipped: go back a little, or turn the input down.", "lasts": False}
    take.more = {"clipped": 12, "vowel": vowel}
    page.get_by_text("CLIPPED", exact=True).wait_for()
    page.get_by_text("go back a little").wait_for()
    take.fault = Exception("the sound device went away")
    take.over.set()
    page.get_by_text("the sound device went away").wait_for()


def test_who_looks_at_another_tab_costs_nothing(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    until(page, lambda: "voice" in served.wanted_topics(), "the page listens")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, lambda: "voice" not in served.wanted_topics(), "the page listens no more")


def test_a_memo_is_heard_read_about_measured_and_deleted(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    memo = page.get_by_role("region", name="monday")
    memo.get_by_role("button", name="Listen").click()
    memo.get_by_label("Memo monday").wait_for()
    until(page, lambda: memo.locator("audio").evaluate("a => a.duration > 0.4"), "the sound is there")
    memo.get_by_role("button", name="Report").click()
    page.frame_locator("#report-frame").get_by_text("Voice of monday").wait_for()
    page.get_by_role("button", name="Close").last.click()
    memo.get_by_role("button", name="Measure again").click()
    page.get_by_text("“monday” is measured.").wait_for()
    page.once("dialog", lambda dialog: dialog.dismiss())
    memo.get_by_role("button", name="Delete …").click()
    assert memo.get_by_role("button", name="Listen").is_enabled()
    page.once("dialog", lambda dialog: dialog.accept())
    memo.get_by_role("button", name="Delete …").click()
    until(page, lambda: memo.count() == 0, "it is gone")
    assert page.get_by_role("region", name="story").get_by_text("noisy; The voice is only 14 dB").is_visible()


def test_who_only_looks_sees_all_and_touches_nothing(pages: Watched, served: ServedFilter) -> None:
    page = here(pages, served.view_token)
    assert page.get_by_role("button", name="Record", exact=True).is_disabled()
    memo = page.get_by_role("region", name="monday")
    assert memo.get_by_role("button").all_inner_texts() == ["Report"]
    served.soon(lambda: desk_of(served).record("evening"))
    page.get_by_text("221.0 Hz · A3 +8").wait_for()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_reads_well(
    pages: Watched, served: ServedFilter, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    page = here(pages, size=size, color_scheme=scheme)
    page.get_by_label("New memo").fill("evening")
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("221.0 Hz · A3 +8").wait_for()
    page.get_by_text("Settings").click()
    assert_fits_and_reads_well(page)
    page.get_by_text("Settings").click()
    keep_picture(page, f"voice-{scheme}-{size[0]}", tmp_path, whole=True)


def test_what_is_told_each_time_is_short(served: ServedFilter) -> None:
    take = ActedTake(desk_of(served)._shelf.store, "x")
    take.told()
    assert len(json.dumps(take.told())) < 1500  # 22 a second: 33 kB/s
