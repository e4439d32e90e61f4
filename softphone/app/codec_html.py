"""A comparison as one HTML file that needs nothing else: the picture inside, tables that a phone can scroll."""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

from softphone.app.codec_columns import COLUMNS, cell, heading
from softphone.app.codec_compare import SCALES

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:72rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
img{max-width:100%;height:auto;background:#fff}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:Canvas}
dt{font-weight:600}dd{margin:0 0 .5rem}
"""


def report(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    files: Sequence[str],
    notes: Sequence[str],
    picture: bytes | None,
) -> bytes:
    """The file.

    Args:
        rows: as `codec_compare.summary` makes them.
        files: what was encoded.
        notes: what is missing or was refused.
        picture: a PNG.
    """
    columns = [one for one in COLUMNS if any(cell(one, row) for row in rows)]
    head = "".join(f"<th>{html.escape(heading(one))}</th>" for one in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell(one, row))}</td>" for one in columns) + "</tr>\n"
        for row in rows
    )
    scales = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in SCALES.items()
    )
    image = ""
    if picture is not None:
        data = base64.b64encode(picture).decode("ascii")
        image = f'<img alt="quality over bit rate" src="data:image/png;base64,{data}">'
    listed = "".join(f"<li>{html.escape(each)}</li>" for each in files)
    said = "".join(f"<li>{html.escape(each)}</li>" for each in notes)
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{html.escape(title)}</h1>
{image}
<h2>Means over {len(files)} {"file" if len(files) == 1 else "files"}, with 95 % intervals</h2>
<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>
{body}</tbody></table></div>
<h2>What the columns mean</h2><dl>{scales}</dl>
<h2>Files</h2><ul>{listed}</ul>
{f"<h2>Not measured</h2><ul>{said}</ul>" if said else ""}
</body></html>
"""
    return text.encode()
