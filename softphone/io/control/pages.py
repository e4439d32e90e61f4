"""The page's files: a list made at start, so that no path of a request ever meets the file system."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from softphone.errors import EnvironmentProblem
from softphone.io.control.http import Request, answer

WEB_FOLDER = Path(__file__).parents[2] / "web"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}
"""What is served, by the end of its name; nothing else is."""
_PACKED_ALREADY = frozenset((".png", ".ico"))


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the page."""

    content_type: str
    body: bytes
    packed: bytes | None
    """As gzip (RFC 1952); None where that saves nothing."""
    tag: str
    """Changes with the body (RFC 9110 section 8.8.3)."""

    def answered(self, request: Request) -> bytes:
        """Return the answer to *request*: the body, or 304 where the browser has it."""
        headers = [("Cache-Control", "no-cache"), ("ETag", self.tag), ("Vary", "Accept-Encoding")]
        if request.headers.get("if-none-match") == self.tag:
            return answer(304, content_type=self.content_type, headers=headers)
        if self.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers.append(("Content-Encoding", "gzip"))
            return answer(200, self.packed, content_type=self.content_type, headers=headers)
        return answer(200, self.body, content_type=self.content_type, headers=headers)


def read_pages(folder: Path = WEB_FOLDER) -> Mapping[str, Page]:
    """Read the page: path of a request -> file; "/" is index.html.

    Raises:
        EnvironmentProblem: it is not there, or cannot be read.
    """
    pages: dict[str, Page] = {}
    try:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _TYPES and path.is_file():
                pages["/" + path.relative_to(folder).as_posix()] = _page(path)
    except OSError as error:
        raise EnvironmentProblem(
            f"the page's files in {folder} cannot be read ({error.strerror}): install softphone anew"
        ) from None
    if "/index.html" not in pages:
        raise EnvironmentProblem(f"the page is missing: {folder / 'index.html'}: install softphone anew")
    pages["/"] = pages["/index.html"]
    return pages


def _page(path: Path) -> Page:
    body = path.read_bytes()
    packed = None if path.suffix in _PACKED_ALREADY else gzip.compress(body, 6, mtime=0)
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return Page(_TYPES[path.suffix], body, packed if packed and len(packed) < len(body) else None, tag)
