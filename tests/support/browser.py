"""A browser for tests: Debian's Chromium through Playwright, one for a module, and what every page must keep to."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

try:
    from playwright.sync_api import Browser, Page, sync_playwright
except ImportError:  # an extra
    sync_playwright = None

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
DESKTOP, PHONE = (1280, 900), (360, 740)
PATIENCE_MS = 10_000
_MISSING = (
    "Playwright is not installed here"
    if sync_playwright is None
    else "no Chromium here"
    if CHROMIUM is None
    else ""
)

needs_browser = pytest.mark.skipif(
    bool(_MISSING) and not os.environ.get("SOFTPHONE_PEERS_REQUIRED"), reason=_MISSING or "there is one"
)


@contextmanager
def browser() -> Iterator["Browser"]:
    """A browser; to be closed before anything else in this thread runs an event loop."""
    assert not _MISSING, _MISSING
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield launched
        finally:
            launched.close()


class Watched:
    """Pages of a browser; what they complained of, and what they asked of others than *home*."""

    def __init__(self, launched: "Browser", home: str) -> None:
        self._browser = launched
        self.home = home
        self._contexts: list[Any] = []
        self.complaints: list[str] = []
        self.strangers: list[str] = []

    def open(
        self, fragment: str = "", *, name: str = "", size: tuple[int, int] = DESKTOP, **options: Any
    ) -> "Page":
        """A page of its own (cookies, storage), at *home* with *fragment*, of somebody called *name*."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            has_touch=size == PHONE,
            is_mobile=size == PHONE,
            **options,
        )
        self._contexts.append(context)
        if name:
            context.add_init_script(f"if (window === top) localStorage.setItem('softphone.name', '{name}')")
        page: Page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "console",
            lambda line: self.complaints.append(line.text) if line.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._look_at(request.url))
        page.on("websocket", lambda socket: self._look_at(socket.url.replace("ws://", "http://")))
        page.goto(self.home + fragment)
        return page

    def _look_at(self, url: str) -> None:
        if not url.startswith((self.home, "data:", "blob:")):
            self.strangers.append(url)

    def close(self) -> None:
        """Close the pages and hold them to it: nothing to complain of, nothing asked of anybody else."""
        for context in self._contexts:
            context.close()
        assert not self.complaints, self.complaints
        assert not self.strangers, self.strangers


def until(page: "Page", holds: Callable[[], bool], what: str) -> None:
    """Let *page* go on until *holds*."""
    for _ in range(PATIENCE_MS // 20):
        if holds():
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"waited in vain until {what}")


def until_here(page: "Page") -> None:
    """Wait until *page* is connected to the program that it steers."""
    page.locator("html[data-state=here]").wait_for()


def assert_fits_and_reads_well(page: "Page") -> None:
    """Nothing of *page* stands out, is too small to be touched, too faint to be read, or without a name."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert (small := page.evaluate(SMALL_TARGETS)) == [], small
    assert (faint := page.evaluate(FAINT_TEXT)) == [], faint
    assert (unnamed := unnamed_controls(page)) == [], unnamed


def keep_picture(page: "Page", name: str, folder: Path, *, whole: bool = False) -> None:
    """Keep a picture of *page* where SOFTPHONE_TEST_ARTEFACTS says, else in *folder*."""
    kept = Path(os.environ.get("SOFTPHONE_TEST_ARTEFACTS") or folder).absolute()
    kept.mkdir(parents=True, exist_ok=True)
    target = kept / f"{name}.png"
    page.screenshot(path=target, full_page=whole)
    assert target.stat().st_size > 8_000


def unnamed_controls(page: "Page") -> list[str]:
    """Controls that a screen reader would have no name for: read from the accessibility tree."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    roles = {
        "button",
        "checkbox",
        "switch",
        "radio",
        "slider",
        "textbox",
        "searchbox",
        "combobox",
        "tab",
        "link",
        "image",
        "img",
        "dialog",
        "tabpanel",
    }
    found = []
    for node in nodes:
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and role in roles and not node.get("name", {}).get("value", "").strip():
            found.append(f"{role} {node.get('description', {}).get('value', '')}")
    session.detach()
    return found


SMALL_TARGETS = (Path(__file__).parent / "small_targets.js").read_text()
"""Things to touch that are smaller than 44 px (WCAG 2.2, 2.5.5)."""

FAINT_TEXT = (Path(__file__).parent / "faint_text.js").read_text()
"""Texts whose contrast is below 4.5:1, or 3:1 where they are large (WCAG 2.2, 1.4.3)."""
