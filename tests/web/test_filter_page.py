"""The Filter tab in a browser, the real server, a filter that runs: what the hand does is measured in the sound."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.browser import (
    DESKTOP,
    PHONE,
    Watched,
    assert_fits_and_reads_well,
    browser,
    keep_picture,
    needs_browser,
    unnamed_controls,
    until,
    until_here,
)
from support.served_filter import TOKEN, ServedFilter

from dsp.errors import DspError
from dsp.filters import Setting, filters
from dsp.preset import Preset
from softphone.control import Desk
from softphone.control.schema import leaves

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.e2e, needs_browser]

PRESET = {
    "about": "To be turned by tests",
    "filter": [
        {"type": "gain"},
        {"type": "butterworth", "slot": "low-cut", "freq_hz": 90.0},
        {
            "type": "parametric-eq",
            "slot": "tone",
            "bands": [
                {"freq_hz": 300.0, "gain_db": -3.0, "q": 1.0},
                {"freq_hz": 4000.0, "gain_db": 5.0, "q": 1.0},
            ],
        },
        {"type": "compressor", "threshold_db": -40.0, "makeup_db": 0.0, "bypass": True},
    ],
}
MINUS = "\N{MINUS SIGN}"
FILLED = {
    "fir": {"points": [[100.0, -6.0], [1000.0, 0.0], [4000.0, 3.0]]},
    "channel-matrix": {"rows": [{"gains": [0.5]}]},
}
"""Lists that are empty by default."""
MEASURED_DB = 0.1
"""How far a level may lie from where it should: bands and edges beside the tone are held to less than half of this by choice."""


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    with browser() as launched:
        yield launched


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedFilter]:
    made = ServedFilter(Preset.parse(PRESET, "to-turn"), tmp_path / "presets")
    yield made
    made.close()


@pytest.fixture
def pages(chromium: "Browser", served: ServedFilter) -> Iterator[Watched]:
    watched = Watched(chromium, served.url)
    yield watched
    watched.close()


def here(
    pages: Watched, name: str = "Anna", *, token: str = TOKEN, size: tuple[int, int] = DESKTOP, **options: str
) -> "Page":
    """A page that is connected, as somebody called *name*."""
    page = pages.open(f"#token={token}", name=name, size=size, **options)
    until_here(page)
    return page


def card(page: "Page", slot: str) -> "Locator":
    return page.get_by_role("region", name=slot, exact=True)


def slider(page: "Page", slot: str, name: str) -> "Locator":
    return card(page, slot).get_by_role("slider", name=name, exact=True)


def settles_at(page: "Page", served: ServedFilter, level_dbfs: float) -> None:
    until(
        page,
        lambda: abs(served.level_dbfs() - level_dbfs) < MEASURED_DB,
        f"the sound is at {level_dbfs:.1f} dBFS",
    )


def test_a_slider_moved_by_keys_changes_the_sound_by_as_much(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    before = served.level_dbfs()
    gain = slider(page, "gain", "Gain")
    gain.focus()
    for _ in range(6):
        page.keyboard.press("PageDown")  # ten steps of 0.1 dB
    settles_at(page, served, before - 6.0)
    assert gain.get_attribute("aria-valuetext") == f"{MINUS}6 dB"
    page.keyboard.press("ArrowRight")
    settles_at(page, served, before - 5.9)
    gain.dblclick()  # anywhere on it, so it moves first: the default is where it ends
    settles_at(page, served, before)


def test_the_meters_show_what_comes_in_and_what_goes_out(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    card(page, "gain").get_by_role("textbox", name="Gain in dB").fill("-10")
    page.keyboard.press("Enter")
    rms = (
        page.get_by_role("table", name="Levels in and out").get_by_role("row", name="RMS").get_by_role("cell")
    )

    def shown() -> list[float]:
        return [
            float(each.replace(MINUS, "-")) if each[-1].isdigit() else 0.0
            for each in rms.all_inner_texts()[:2]
        ]

    until(page, lambda: abs(shown()[0] - shown()[1] - 10.0) <= 0.2, "out is 10 dB below in")
    assert page.get_by_text("null:tone=1000").is_visible()


def test_a_typed_number_may_be_wrong_and_then_nothing_changes(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    field = card(page, "low-cut").get_by_role("textbox", name="Frequency in Hz")
    field.fill("1.5k")
    page.keyboard.press("Enter")
    until(page, lambda: served.desk.preset.slot("low-cut").params.freq_hz == 1500.0, "1500 Hz is wanted")
    field.fill("90000")
    page.keyboard.press("Enter")
    page.get_by_text("Frequency must be 1 to 48000 Hz").wait_for()
    assert field.input_value() == "1500"
    field.fill("30000")  # in the filter's range, but not at this rate
    page.keyboard.press("Enter")
    page.locator(".toast.bad", has_text="must be below 23952 Hz at a sample rate of 48000 Hz").wait_for()
    until(page, lambda: field.input_value() == "1500", "the field shows what is")


def test_two_people_see_what_the_other_does_and_who_it_was(pages: Watched, served: ServedFilter) -> None:
    anna, ben = here(pages, "Anna"), here(pages, "Ben")
    anna.get_by_role("button", name="2 are here").wait_for()
    slider(anna, "gain", "Gain").focus()
    anna.keyboard.press("PageUp")
    flashed = card(ben, "gain").locator(".control.flash")
    flashed.get_by_text("Anna", exact=True).wait_for()
    assert slider(ben, "gain", "Gain").input_value() == "1"
    card(ben, "low-cut").get_by_role("switch", name="low-cut on").uncheck()
    card(anna, "low-cut").get_by_text("Ben", exact=True).wait_for()
    assert not card(anna, "low-cut").get_by_role("switch", name="low-cut on").is_checked()
    anna.get_by_role("button", name="2 are here").click()
    dialog = anna.get_by_role("dialog", name="Who is here")
    assert dialog.get_by_text("Ben may change").is_visible()
    assert "Ben low-cut bypass: off" in re.sub(r"\s+", " ", dialog.locator("#history").inner_text())


def test_the_page_comes_back_by_itself_with_what_the_hand_did(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    before = served.level_dbfs()
    served.pull_away()
    page.get_by_text("The program has ended").wait_for()
    slider(page, "gain", "Gain").focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    assert abs(served.level_dbfs() - before) < MEASURED_DB
    served.serve()
    until_here(page)
    assert page.get_by_text("The program has ended").is_hidden()
    settles_at(page, served, before - 2.0)
    pages.complaints.clear()  # the browser's own, of a server that is away


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    pages: Watched, served: ServedFilter
) -> None:
    page = here(pages)
    served.pull_away()
    page.get_by_text("The program has ended").wait_for()
    slider(page, "gain", "Gain").focus()
    page.keyboard.press("PageDown")
    served.serve()
    served.pull_away()
    other = served.dispatcher.join("Ben", "control")
    served.desk.change({"gain.gain_db": 3.0}, other, now=0.0)
    served.serve()
    page.get_by_text("was changed to 3 while you were away").wait_for()
    assert served.desk.preset.slot("gain").params.gain_db == 3.0
    page.get_by_role("button", name="Use mine").click()
    until(page, lambda: served.desk.preset.slot("gain").params.gain_db == -1.0, "mine is used")
    pages.complaints.clear()


def test_a_wrong_token_is_said_and_a_pasted_link_lets_in(pages: Watched, served: ServedFilter) -> None:
    page = pages.open("#token=not-the-right-one")
    page.get_by_text("This token is wrong").wait_for()
    assert page.url == served.url  # nothing of it is left in the address
    page.get_by_label("Link or token").fill(f"{served.url}#token={TOKEN}")
    page.get_by_role("button", name="Connect").click()
    until_here(page)
    page.reload()
    until_here(page)
    assert TOKEN not in page.url
    assert page.evaluate("JSON.stringify(localStorage)").count(TOKEN) == 0


def test_bypass_is_as_loud_as_the_filters_and_says_by_how_much(pages: Watched, served: ServedFilter) -> None:
    served.desk.change({"gain.gain_db": -12.0}, served.dispatcher.join("Ben", "control"), now=0.0)
    page = here(pages)

    def louder_lu() -> float:
        before, after = served.engine.meter_in.read(), served.engine.meter_out.read()
        return (after.short_term_lufs or 0.0) - (before.short_term_lufs or 0.0)

    until(page, lambda: abs(louder_lu() + 12.0) < 0.1, "three seconds of it were measured")
    filtered = served.level_dbfs()
    page.get_by_role("radio", name="Bypass").check(force=True)
    page.get_by_text("You hear the plain sound").wait_for()
    said = re.search(rf"sound, ([+{MINUS}]?[\d.]+) dB", page.locator("#ab-words").inner_text())
    assert said is not None
    assert float(said[1].replace(MINUS, "-")) == pytest.approx(-12.0, abs=0.3)
    settles_at(page, served, filtered)
    page.get_by_label("Match the loudness").uncheck()
    settles_at(page, served, filtered + 12.0)
    page.locator("h1").click()
    page.keyboard.press("b")
    settles_at(page, served, filtered)
    assert not served.desk.bypassed


def test_undo_and_redo_by_keys_and_by_buttons(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    before = served.level_dbfs()
    assert page.get_by_role("button", name="Undo").is_disabled()
    gain = slider(page, "gain", "Gain")
    gain.focus()
    page.keyboard.press("PageDown")
    settles_at(page, served, before - 1.0)
    page.keyboard.press("Control+z")
    settles_at(page, served, before)
    assert gain.input_value() == "0"
    page.get_by_role("button", name="Redo").click()
    settles_at(page, served, before - 1.0)
    page.get_by_role("button", name="Undo").click()
    settles_at(page, served, before)


def test_a_preset_is_found_chosen_changed_and_saved(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    page.locator("#preset").click()
    page.get_by_placeholder("Find: voice").fill("rumble boom")
    page.get_by_role("button", name="voice-clear").click()
    card(page, "limiter").wait_for()
    assert served.desk.preset.name == "voice-clear"
    assert "A dull or boomy voice made clear" in page.locator("#preset-about").inner_text()
    page.get_by_role("button", name="Add a filter").click()
    page.get_by_role("dialog", name="Add a filter").get_by_role("button", name="tilt").click()
    card(page, "tilt").get_by_role("button", name="Earlier in the row: tilt").click()
    until(
        page,
        lambda: [each.slot for each in served.desk.preset.slots] == ["low-cut", "tone", "tilt", "limiter"],
        "tilt is third",
    )
    card(page, "limiter").get_by_role("button", name="Remove limiter").click()
    until(page, lambda: len(served.desk.preset.slots) == 3, "the limiter is gone")
    for name, force in (("Mine!", False), ("mine", False), ("voice-clear", True)):
        page.get_by_role("button", name="Save as").click()
        page.get_by_role("dialog").get_by_label("Name").fill(name)
        page.get_by_role("button", name="Save", exact=True).click()
        if name == "Mine!":
            page.get_by_text("Wanted: lower case letters").wait_for()
            page.get_by_role("dialog").get_by_role("button", name="Close").click()
        elif force:
            page.get_by_text("There is a preset voice-clear already").wait_for()
            page.get_by_role("button", name="Replace it").click()
        if name != "Mine!":
            page.get_by_text(f"Saved as {name}.").wait_for()
    until(page, lambda: served.desk.preset.name == "voice-clear" and not served.desk.modified, "it is saved")


def test_bands_are_added_removed_and_dragged_in_the_curve(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)

    def bands() -> tuple[object, ...]:
        return tuple(served.desk.preset.slot("tone").params.bands)

    card(page, "tone").get_by_role("button", name="Add a band").click()
    until(page, lambda: len(bands()) == 3, "there are three bands")
    card(page, "tone").get_by_role("button", name="Remove band 3").click()
    until(page, lambda: len(bands()) == 2, "there are two bands again")
    point = page.get_by_role("button", name="tone band 2: 4000 Hz")
    point.scroll_into_view_if_needed()

    def point_now() -> str | None:
        return page.locator("#points .point").last.get_attribute("aria-label")

    box = point.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y - 20, steps=5)
    page.mouse.up()
    until(page, lambda: served.desk.preset.slot("tone").params.bands[1].gain_db > 6.0, "it is lifted")
    until(
        page,
        lambda: f"{served.desk.preset.slot('tone').params.bands[1].gain_db:+.1f} dB" in str(point_now()),
        "the last of it has come",
    )
    assert 1000.0 < served.desk.preset.slot("tone").params.bands[1].freq_hz < 3500.0
    before = served.desk.preset.slot("tone").params.bands[1].gain_db
    page.keyboard.press("ArrowDown")
    until(
        page,
        lambda: served.desk.preset.slot("tone").params.bands[1].gain_db == pytest.approx(before - 0.5),
        "a key lowers it",
    )
    words = page.get_by_role("img", name="Frequency response").get_attribute("aria-label")
    assert words is not None
    assert "highest +" in words


def test_who_may_only_look_sees_everything_and_moves_nothing(pages: Watched, served: ServedFilter) -> None:
    page = here(pages, "Carl", token=served.view_token)
    page.get_by_text("You are watching.").wait_for()
    assert page.locator("#panel-filter").get_by_role("slider").first.is_visible()
    assert page.locator("#panel-filter :is(button:not(.fold), input, select):enabled:visible").count() == 0
    page.keyboard.press("b")
    page.keyboard.press("Control+z")
    anna = here(pages)
    slider(anna, "gain", "Gain").focus()
    anna.keyboard.press("PageDown")
    until(page, lambda: slider(page, "gain", "Gain").input_value() == "-1", "the watcher sees it")
    assert not served.desk.bypassed
    assert pages.complaints == []


def test_the_clip_light_stays_lit_until_the_meters_are_reset(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    gain = card(page, "gain").get_by_role("textbox", name="Gain in dB")
    gain.fill("20")
    page.keyboard.press("Enter")
    lit = page.get_by_role("button", name=re.compile(r"Out: \d+ samples at full scale"))
    lit.wait_for()
    gain.fill("0")
    page.keyboard.press("Enter")
    until(page, lambda: served.level_dbfs() < -19.0, "it is soft again")
    lit.click()
    page.get_by_role("button", name="Out: not clipped").wait_for()
    assert page.get_by_role("button", name="In: not clipped").is_visible()


def test_gain_reduction_is_shown_where_it_is_made(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    card(page, "compressor").get_by_role("switch", name="compressor on").check()
    shown = card(page, "compressor").locator(".reduction b")
    until(page, lambda: shown.inner_text().startswith(MINUS), "it says how much it takes back")
    want = served.engine.chain.readings()["compressor.gain_reduction_db"]
    until(page, lambda: abs(float(shown.inner_text()[1:-3]) - abs(float(want))) < 0.3, "as much as it does")


def test_one_of_several_chains_is_chosen_and_turned(chromium: "Browser", tmp_path: Path) -> None:
    heard = Desk(
        "heard", "What is heard", Preset.parse({"filter": [{"type": "tilt"}]}, "bright"), Setting(16_000)
    )
    served = ServedFilter(Preset.parse(PRESET, "to-turn"), tmp_path, more=[heard])
    try:
        pages = Watched(chromium, served.url)
        page = here(pages)
        page.get_by_role("radio", name="What is heard").check(force=True)
        slider(page, "tilt", "Slope").focus()
        page.keyboard.press("PageUp")
        until(
            page, lambda: heard.preset.slot("tilt").params.db_per_octave == 1.0, "the other chain is turned"
        )
        assert served.desk.revision == 0
        page.get_by_role("radio", name="Live").check(force=True)
        card(page, "low-cut").wait_for()
        pages.close()
    finally:
        served.close()


def test_where_nothing_runs_the_meters_say_so(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    page.get_by_text("null:tone=1000").wait_for()
    for runner in served.desk.runners:
        served.desk.detach(runner)
    page.get_by_text("nothing runs; what is set here is used next").wait_for()
    slider(page, "gain", "Gain").focus()
    page.keyboard.press("PageDown")
    until(page, lambda: served.desk.preset.slot("gain").params.gain_db == -1.0, "it is wanted all the same")


def test_levels_are_told_only_while_they_are_seen(pages: Watched, served: ServedFilter) -> None:
    page = here(pages)
    until(page, lambda: {"levels", "spectrum"} <= served.wanted_topics(), "meters run")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true}); document.dispatchEvent(new Event('visibilitychange'))"
    )
    until(page, lambda: not {"levels", "spectrum"} & served.wanted_topics(), "meters rest")


def test_every_parameter_of_every_filter_has_a_control(pages: Watched, served: ServedFilter) -> None:
    client = served.dispatcher.join("Ben", "control")
    entries = [
        {"type": name, "bypass": True} for name in filters.names() if not filters.get(name).changes_length
    ]
    entries = [each | FILLED.get(str(each["type"]), {}) for each in entries if can_be(served, each)]
    assert len(entries) > 30
    served.desk.load(Preset.parse({"filter": entries}, "all"), client)
    page = here(pages)
    there = set(page.locator("[data-path]").evaluate_all("all => all.map(each => each.dataset.path)"))
    wanted = {leaf.path for leaf in leaves(served.desk.preset)}
    assert wanted - there == set()
    assert unnamed_controls(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def can_be(served: ServedFilter, entry: dict[str, object]) -> bool:
    try:
        served.desk.check(Preset.parse({"filter": [entry]}, "one"))
    except DspError:  # a library, a codec or a file that is not at hand
        return False
    return True


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_reads_well_and_can_be_touched(
    pages: Watched, served: ServedFilter, tmp_path: Path, size: tuple[int, int]
) -> None:
    page = here(pages, size=size)
    card(page, "tone").wait_for()
    page.wait_for_function("/[0-9]/.test(document.querySelector('#load').textContent)")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert_fits_and_reads_well(page)
        red = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0])
        assert (red < 64) == (scheme == "dark")
        kind = "phone" if size == PHONE else "desktop"
        keep_picture(page, f"page-filter-{kind}-{scheme}", tmp_path)
        keep_picture(page, f"page-filter-{kind}-{scheme}-whole", tmp_path, whole=True)


def test_dark_and_light_can_be_switched_and_are_remembered(pages: Watched, served: ServedFilter) -> None:
    page = here(pages, color_scheme="light")
    button = page.get_by_role("button", name="Theme")
    button.click()
    button.click()
    assert button.inner_text() == "Theme: dark"
    page.reload()
    until_here(page)
    red = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0])
    assert red < 64
