"""The tabs Calls and Scores in a browser: the real server, desk of calls and folder of recordings; the calls are acted."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import soundfile
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

from dsp.preset import Preset
from softphone.app.call_desk import CallDesk
from softphone.app.recording_folder import RecordingFolder
from softphone.app.recordings import Recordings
from softphone.errors import UsageError
from softphone.io.control.tickets import Tickets
from softphone.io.speech import builtin_names, speech_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.e2e, needs_browser]

BOB, CAROL = "sip:bob@192.0.2.7", "sip:carol@192.0.2.9"
STATUS = {
    "state": "established", "since_s": 75.0, "duration_s": 75.0, "muted": False, "on_hold": False, "peer_holds": False,
    "codec": {"name": "opus", "sample_rate_hz": 16000, "bit_rate_bps": 16000, "ptime_ms": 60},
    "mode": "normal", "received_mode": "normal", "modes": ["normal", "vlc", "vlr"],
    "sent_wire_bps": 21100, "received_wire_bps": 20400, "loss_pct": 0.4, "jitter_ms": 1.2, "playout_delay_ms": 80.0,
    "level_dbov": -26.1, "mos_cq": 4.21, "r": 88.0, "emodel": None,
    "airtime": {"technology": "wifi-n", "ms_per_s": 1.9, "vs_g711_20ms": 0.3}, "cpu_ms_per_s": 14.1,
    "dtmf_received": "", "filters": {"sent": "voice-clear", "heard": None},
}  # fmt: skip


class ActedCall:
    """A call that does at once what it is told, and remembers it."""

    def __init__(self, state: str) -> None:
        self.now: dict[str, Any] = {**STATUS, "state": state}
        self.digits = ""
        self.hung_up = False

    def status(self) -> dict[str, Any]:
        return dict(self.now) if self.now["state"] == "established" else {"state": self.now["state"]}

    def hang_up(self) -> None:
        self.hung_up = True

    def mute(self, on: bool) -> None:
        self.now["muted"] = on

    def hold(self, on: bool) -> None:
        if self.now["peer_holds"]:
            raise UsageError("the other side holds this call: wait until it takes it back")
        self.now["on_hold"] = on

    def send_dtmf(self, digits: str) -> None:
        self.digits += digits

    def set_mode(self, mode: str, *, direction: str = "both") -> None:
        if direction in ("both", "sent"):
            self.now["mode"] = mode
        if direction in ("both", "received"):
            self.now["received_mode"] = mode
        low = mode != "normal"
        self.now["airtime"] = {
            **STATUS["airtime"],
            "ms_per_s": 0.6 if low else 1.9,
            "vs_g711_20ms": 0.1 if low else 0.3,
        }


class Board:
    """Places and takes calls that are acted."""

    def __init__(self, desk: CallDesk) -> None:
        self.desk = desk
        self.calls: dict[int, ActedCall] = {}
        self.rejected: list[int] = []

    def ring(self) -> int:
        call = ActedCall("incoming")
        entry = self.desk.add(call, direction="incoming", peer=CAROL)
        self.calls[entry.number] = call
        return entry.number

    def dial(self, uri: str) -> int:
        call = ActedCall("established")
        entry = self.desk.add(call, direction="outgoing", peer=uri)
        self.calls[entry.number] = call
        return entry.number

    def answer(self, number: int) -> None:
        self.calls[number].now["state"] = "established"

    def reject(self, number: int, status: int) -> None:
        self.rejected.append(status)


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    with browser() as launched:
        yield launched


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedFilter]:
    folder = tmp_path / "recordings"
    record(
        folder,
        "20260101-120000",
        BOB,
        {"mos_lqo": 4.31, "unit": "MOS-LQO", "max": 5.0, "trusted": True, "verdict": ["ok"]},
    )
    record(
        folder,
        "20260101-130000",
        CAROL,
        {"mos_lqo": 2.2, "unit": "MOS-LQO", "max": 5.0, "trusted": True, "verdict": ["dropouts"]},
    )

    def domains(tickets: Tickets) -> list[Any]:
        desk = CallDesk()
        desk.switchboard = Board(desk)
        desk.is_wanted = lambda topic: True
        return [desk, Recordings(RecordingFolder(folder), tickets)]

    made = ServedFilter(Preset.parse({"filter": [{"type": "gain"}]}, "plain"), tmp_path / "presets", domains)
    yield made
    desk, recordings = made.domains
    made.soon(desk.close)
    made.call(recordings.close())
    made.close()


def record(folder: Path, name: str, peer: str, score: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    sound, rate_hz = soundfile.read(speech_path("builtin:woman"), dtype="int16")
    soundfile.write(folder / f"{name}-heard.wav", sound, rate_hz, subtype="PCM_16")
    result = {
        "peer": peer, "direction": "outgoing", "outcome": "completed", "mode": "normal", "codec": {"name": "opus"},
        "duration_s": 7.9, "verdict": score["verdict"], "reference": "builtin:woman", "heard_codecs": ["opus"],
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(result))
    (folder / f"{name}-score.json").write_text(json.dumps(score))


@pytest.fixture
def pages(chromium: "Browser", served: ServedFilter) -> Iterator[Watched]:
    watched = Watched(chromium, served.url)
    yield watched
    watched.close()


@pytest.fixture
def board(served: ServedFilter) -> Board:
    found = served.domains[0].switchboard
    assert isinstance(found, Board)
    return found


def here(pages: Watched, tab: str, token: str = TOKEN, **options: Any) -> "Page":
    page = pages.open(f"#token={token}", name="Anna", **options)
    until_here(page)
    page.get_by_role("tab", name=tab).click()
    return page


def of(page: "Page", peer: str) -> "Locator":
    return page.get_by_role("region", name=peer)


def test_a_call_is_dialled_and_steered(pages: Watched, served: ServedFilter, board: Board) -> None:
    page = here(pages, "Calls")
    page.get_by_label("Call", exact=True).fill("bob@192.0.2.7")
    page.get_by_role("button", name="Dial").click()
    card = of(page, BOB)
    card.get_by_text("Connected").wait_for()
    (call,) = board.calls.values()
    for words in (
        "opus, 16 kb/s, 60 ms",
        "21.1 kb/s",
        "4.21 of 5",
        "0.4 %",
        "14.1 ms/s of CPU",
        "1.9 ms/s, 0.30 \N{MULTIPLICATION SIGN} G.711",
    ):
        assert card.get_by_text(words).is_visible(), words
    for name, back, state, key in (
        ("Mute", "Unmute", "Connected, muted", "muted"),
        ("Hold", "Resume", "On hold", "on_hold"),
    ):
        card.get_by_role("button", name=name, exact=True).click()
        card.get_by_text(state, exact=True).wait_for()
        card.get_by_role("button", name=back).click()
        card.get_by_role("button", name=name, exact=True).wait_for()
        assert call.now[key] is False
    card.get_by_role("button", name="Hang up").click()
    until(page, lambda: call.hung_up, "it is hung up")
    entry = served.domains[0]._entries[1]
    served.soon(
        lambda: served.domains[0].end(
            entry,
            {
                "outcome": "completed",
                "sip_status": 200,
                "reason": "OK",
                "duration_s": 75.0,
                "verdict": ["ok"],
                "score": None,
            },
        )
    )
    page.get_by_text("completed (200 OK) · 1:15 · ok").wait_for()


def test_digits_go_by_the_keypad_and_by_the_keyboard(
    pages: Watched, served: ServedFilter, board: Board
) -> None:
    page = here(pages, "Calls")
    call = board.calls[served.soon(lambda: board.dial(BOB))]
    card = of(page, BOB)
    page.keyboard.press("5")  # no keypad is open
    card.get_by_role("button", name="Keypad").click()
    card.get_by_role("button", name="1", exact=True).click()
    card.get_by_role("button", name="hash").click()
    page.keyboard.press("7")
    page.keyboard.press("*")
    until(page, lambda: call.digits == "1#7*", "the digits have gone")
    page.get_by_label("Call", exact=True).press_sequentially("42")
    assert card.get_by_label("Digits sent").inner_text() == "1#7*"


def test_yellow_and_green_change_the_mode_of_the_running_call(
    pages: Watched, served: ServedFilter, board: Board
) -> None:
    page = here(pages, "Calls")
    call = board.calls[served.soon(lambda: board.dial(BOB))]
    card = of(page, BOB)
    green, yellow = (
        card.get_by_role("switch", name="Least airtime (vlr)"),
        card.get_by_role("switch", name="Least CPU (vlc)"),
    )
    green.check()
    card.get_by_text("0.6 ms/s, 0.10 \N{MULTIPLICATION SIGN} G.711").wait_for()
    card.get_by_text("Now sent: vlr, heard: vlr.").wait_for()
    card.get_by_label("The switches change").select_option("what I send")
    yellow.check()
    card.get_by_text("Now sent: vlc, heard: vlr.").wait_for()
    assert (call.now["mode"], call.now["received_mode"]) == ("vlc", "vlr")
    card.get_by_label("The switches change").select_option("both ways")
    yellow.uncheck()
    card.get_by_text("Now sent: normal, heard: normal.").wait_for()
    assert not green.is_checked()


def test_what_a_call_refuses_is_said_and_the_button_stays_as_it_is(
    pages: Watched, served: ServedFilter, board: Board
) -> None:
    page = here(pages, "Calls")
    call = board.calls[served.soon(lambda: board.dial(BOB))]
    call.now["peer_holds"] = True
    of(page, BOB).get_by_role("button", name="Hold").click()
    page.get_by_text("the other side holds this call").wait_for()
    assert of(page, BOB).get_by_role("button", name="Hold", exact=True).is_visible()


def test_a_call_that_never_was_says_why_on_its_card_and_on_other_tabs(
    pages: Watched, served: ServedFilter, board: Board
) -> None:
    page, other = here(pages, "Calls"), here(pages, "Scores")
    number = served.soon(lambda: board.dial(BOB))
    of(page, BOB).wait_for()
    other.get_by_role("tab", name="Calls (1)").wait_for()
    desk = served.domains[0]
    entry = desk._entries[number]
    served.soon(
        lambda: desk.end(entry, {"outcome": "failed", "reason": "no address found for the host name"})
    )
    page.get_by_text("outgoing · failed: no address found for the host name").wait_for()
    assert page.locator(".toast").filter(has_text=BOB).count() == 0
    other.get_by_text(f"{BOB}: failed: no address found for the host name.").wait_for()
    found = {"cause": "busy", "why": "the peer is busy", "try": "call later"}
    served.soon(lambda: desk.end(entry, {"outcome": "busy", "sip_status": 486, "diagnosis": found}))
    page.get_by_text("outgoing · busy: the peer is busy; call later").wait_for()


def test_who_may_dial_reads_what_to_do_and_where_calls_come_in(
    pages: Watched, served: ServedFilter, board: Board
) -> None:
    served.domains[0].uri = "sip:console@127.0.0.1:5060"
    page = pages.open(f"#token={TOKEN}")
    page.get_by_role("tab", name="Filter", selected=True).wait_for()  # a live filter stands first here
    page.get_by_role("tab", name="Calls").click()
    words = "No call now. Type above whom to call, and press Dial. Who calls you at sip:console@127.0.0.1:5060 rings here."
    page.get_by_text(words).wait_for()


def test_who_calls_is_said_on_every_tab_and_can_be_answered_there(
    pages: Watched, served: ServedFilter, board: Board
) -> None:
    page = here(pages, "Filter")
    number = served.soon(board.ring)
    alert = page.get_by_role("alert").filter(has_text="Incoming call")
    alert.get_by_text(CAROL).wait_for()
    alert.get_by_role("button", name="Answer").click()
    page.get_by_role("tab", name="Calls (1)").click()
    of(page, CAROL).get_by_text("Connected").wait_for()
    assert board.calls[number].now["state"] == "established"
    assert alert.count() == 0
    served.soon(board.ring)
    alert.get_by_role("button", name="Reject").click()
    until(page, lambda: board.rejected == [486], "it is refused as busy")


def test_tabs_go_by_arrow_keys(pages: Watched, served: ServedFilter) -> None:
    page = here(pages, "Filter")
    page.get_by_role("tab", name="Filter").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tabpanel", name="Calls").is_visible()
    page.keyboard.press("End")
    assert page.get_by_role("tabpanel", name="Scores").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Filter", selected=True).is_visible()


def test_recordings_are_listed_heard_scored_and_reported_on(pages: Watched, served: ServedFilter) -> None:
    page = here(pages, "Scores")
    first = page.locator(".recording").first
    first.get_by_text(CAROL).wait_for()  # the newest
    assert first.get_by_text("2.20").is_visible()
    assert first.get_by_text("dropouts").is_visible()
    first.get_by_role("button", name="Listen").click()
    player = first.locator("audio")
    player.wait_for()
    until(page, lambda: bool(player.evaluate("e => e.duration > 7 && e.currentTime > 0")), "it plays")
    first.get_by_role("button", name="Score again").click()
    page.get_by_text("Scored again.").wait_for()
    assert first.get_by_text("5.00").is_visible()  # it is what it is compared with
    every = first.get_by_label("Score against").locator("option").evaluate_all("all => all.map(e => e.value)")
    assert [each for each in every if each.startswith("builtin:")] == [
        f"builtin:{name}" for name in builtin_names()
    ]
    first.get_by_label("Score against").select_option("against the bundled voice: woman")
    first.get_by_role("button", name="Score again").click()
    first.get_by_text("compared with builtin:woman").wait_for()
    first.get_by_label("Score against").select_option("against nothing: the signal alone")
    first.get_by_role("button", name="Score again").click()
    first.get_by_text("Choose it below, and press Score again.").wait_for()
    first.get_by_role("button", name="Report").click()
    page.frame_locator("#report-frame").get_by_role("heading", name="Score of 20260101-130000").wait_for()
    assert page.get_by_role("link", name="Open in a tab").get_attribute("href").startswith("/files/")
    page.get_by_role("button", name="Close", exact=True).click()


def test_who_may_only_look_sees_calls_and_reads_scores_but_hears_nobody(
    pages: Watched, served: ServedFilter, board: Board
) -> None:
    served.soon(lambda: board.dial(BOB))
    served.soon(board.ring)
    page = here(pages, "Calls", served.view_token)
    of(page, BOB).get_by_text("Connected").wait_for()
    assert page.locator(":is(#panel-calls, #ringing) :is(button, input, select):enabled:visible").count() == 0
    background = page.get_by_role("button", name="Dial").evaluate(
        "each => getComputedStyle(each).backgroundColor"
    )
    plain = (
        of(page, BOB)
        .get_by_role("button", name="Mute")
        .evaluate("each => getComputedStyle(each).backgroundColor")
    )
    assert background == plain  # it does not look like one to press
    page.get_by_role("tab", name="Scores").click()
    page.locator(".recording").first.get_by_text("2.20").wait_for()
    assert page.locator(".recording button:visible").all_inner_texts() == ["Report"] * 2


def test_without_a_filter_there_is_no_such_tab(chromium: "Browser", tmp_path: Path) -> None:
    def domains(tickets: Tickets) -> list[Any]:
        return [CallDesk()]

    served = ServedFilter(Preset.parse({}, "none"), tmp_path, domains, has_filter=False)
    try:
        pages = Watched(chromium, served.url)
        page = pages.open(f"#token={TOKEN}")
        page.get_by_text("No call now.").wait_for()
        assert page.get_by_role("tab").all_inner_texts() == ["Calls"]
        assert "Dial" not in page.locator("#no-calls").inner_text()
        assert page.get_by_label("Call", exact=True).is_hidden()  # nobody dials here
        pages.close()
    finally:
        served.soon(served.domains[0].close)
        served.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_calls_and_scores_fit_read_well_and_can_be_touched(
    pages: Watched, served: ServedFilter, board: Board, tmp_path: Path, size: tuple[int, int]
) -> None:
    call = board.calls[served.soon(lambda: board.dial(BOB))]
    call.set_mode("vlr")
    served.soon(board.ring)
    page = here(pages, "Calls", size=size)
    of(page, BOB).get_by_role("button", name="Keypad").click()
    for tab, scheme in itertools.product(("Calls", "Scores"), ("light", "dark")):
        page.get_by_role("tab", name=tab).click()
        page.emulate_media(color_scheme=scheme)
        assert_fits_and_reads_well(page)
        kind = "phone" if size == PHONE else "desktop"
        keep_picture(page, f"page-{tab.lower()}-{kind}-{scheme}", tmp_path, whole=True)
    page.locator(".recording").first.get_by_role("button", name="Report").click()
    page.frame_locator("#report-frame").get_by_role("heading").first.wait_for()
    within = "([d, ...all]) => all.every(e => e.right <= d.right && e.left >= d.left)"
    boxes = "all => all.map(e => e.getBoundingClientRect())"
    edges = page.locator("#report-dialog, #report-dialog > header > *").evaluate_all(
        f"all => ({within})(({boxes})(all))"
    )
    assert edges, "the head of the report does not stand out over its edge"
