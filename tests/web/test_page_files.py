"""The page's files: small, whole, packaged, without a build step, and without anything inline or from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "softphone" / "web"
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())
MOST_BYTES = 150_000
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


class Seen(HTMLParser):
    """What stands in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.refers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.inline.append(self.get_starttag_text() or tag)
        if tag == "script" and "src" not in given:
            self.inline.append(tag)
        self.links += [str(given[name]) for name in ("src", "href") if name in given]
        self.ids += [str(given["id"])] if "id" in given else []
        for name in ("for", "aria-controls", "aria-labelledby", "aria-describedby"):
            self.refers += str(given.get(name) or "").split()


@pytest.fixture(scope="module")
def seen() -> Seen:
    found = Seen()
    found.feed((WEB / "index.html").read_text())
    return found


def test_all_of_it_is_below_150_kb() -> None:
    assert len(FILES) > 10
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES


def test_nothing_is_inline(seen: Seen) -> None:
    assert seen.inline == []


def test_what_it_links_to_is_there_and_ids_are_unique(seen: Seen) -> None:
    assert [each for each in seen.links if not (WEB / each).is_file()] == []
    assert len(set(seen.ids)) == len(seen.ids)
    assert set(seen.refers) <= set(seen.ids)


def test_every_module_is_loaded_ahead(seen: Seen) -> None:
    assert {path.name for path in FILES if path.suffix == ".js"} == {
        each for each in seen.links if each.endswith(".js")
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text().replace(SVG_NAMESPACE, "")
    assert (
        re.findall(
            r"https?://|//[a-z0-9]+\.|@import|@font-face|\bimport\(|\beval\(|innerHTML|document\.write", text
        )
        == []
    )


def test_scripts_ask_only_for_ids_that_are_there(seen: Seen) -> None:
    asked = {
        name
        for path in FILES
        if path.suffix == ".js"
        for name in re.findall(r'\$\("([\w-]+)"\)', path.read_text())
    }
    assert len(asked) > 30
    assert asked <= set(seen.ids)


def test_it_is_in_the_package() -> None:
    listed = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "package_files.py")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.split()
    assert {path.relative_to(ROOT).as_posix() for path in FILES} <= set(listed)
