"""The report of a score in a browser: it fits the screen, nothing is fetched, and its pictures are kept for people to look at.

Screenshots go to the folder that the environment names in SOFTPHONE_TEST_ARTEFACTS, else to the test's own.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from support.command import softphone

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-dev-shm-usage",
)  # fmt: skip
LIGHT, DARK = 1, 0
MEASURE = """<script>addEventListener("load",()=>{const e=document.documentElement;
const wide=[...document.querySelectorAll("body *")].filter(x=>!x.closest(".wide")&&x.getBoundingClientRect().right>innerWidth+1);
const empty=[...document.images].filter(x=>!x.naturalWidth);
document.body.dataset.found=[innerWidth,e.scrollWidth,wide.length,empty.length,document.querySelectorAll("svg").length,
getComputedStyle(document.body).backgroundColor].join(";")})</script>"""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here to show the page"),
]


def _browse(folder: Path, page: Path, width: int, scheme: int, *asked: str) -> str:
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER, *QUIET, f"--user-data-dir={folder / f'profile-{width}-{scheme}-{time.monotonic_ns()}'}",
            f"--window-size={width},3000", f"--blink-settings=preferredColorScheme={scheme}", *asked, page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    path = folder / "a report.html"
    status, result, _ = softphone(
        "score", "builtin:woman", "--reference", "builtin:woman", "--report", str(path)
    )
    assert status == 0
    assert result["report"] == str(path)
    return path


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 500], ids=["desktop", "phone"])
def test_the_report_fits_the_screen(page: Path, width: int, scheme: int) -> None:
    measured = page.with_name("measured.html")
    measured.write_text(page.read_text().replace("</body>", MEASURE + "</body>"))
    found = re.search(r'data-found="([^"]+)"', _browse(page.parent, measured, width, scheme, "--dump-dom"))
    assert found is not None
    inner, scrolled, sticking_out, empty, drawings, background = found[1].split(";")
    assert int(scrolled) <= int(inner)
    assert (sticking_out, empty) == ("0", "0")
    assert int(drawings) >= 5
    red = int(re.findall(r"\d+", background)[0])
    assert (red < 64) == (scheme == DARK)


def test_its_pictures_are_kept(page: Path) -> None:
    folder = Path(os.environ.get("SOFTPHONE_TEST_ARTEFACTS") or page.parent).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for width, kind in ((1280, "desktop"), (390, "phone")):
        for scheme, name in ((LIGHT, "light"), (DARK, "dark")):
            target = folder / f"score-report-{kind}-{name}.png"
            _browse(page.parent, page, width, scheme, f"--screenshot={target}")
            assert target.stat().st_size > 20_000
