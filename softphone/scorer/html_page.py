"""A page that needs nothing else: one HTML file with its style in it."""

import html
from collections.abc import Iterable


def whole_page(title: str, style: str, parts: Iterable[str]) -> bytes:
    """The page, UTF-8.

    Args:
        title: in words, not as markup.
        style: CSS.
        parts: markup below the title; empty ones are left out.
    """
    name = html.escape(title, quote=False)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{style}</style></head><body><main>\n<h1>{name}</h1>\n"
        + "\n".join(filter(None, parts))
        + "\n</main></body></html>\n"
    ).encode(errors="replace")  # the name of a file may be no UTF-8
