"""docs/captures.md names every key of a scored capture, and no other."""

import re
from pathlib import Path

from support.capture_scores import score_bytes
from support.captures import ALICE, BOB, call, file_of, stream, talk

TEXT = (Path(__file__).parent.parent.parent / "docs" / "captures.md").read_text(encoding="utf-8")
SAID = talk("pcmu", 3.0)


def keys_in(title: str) -> set[str]:
    part = TEXT.split(f" {title}\n", 1)[1].split("\n#", 1)[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def test_every_key_is_described_and_nothing_else(tmp_path):
    data = file_of(stream(SAID), stream(SAID, ssrc=5, source=BOB, destination=ALICE), extra=call("RTP/AVP 0"))
    result = score_bytes(data, tmp_path, reference="builtin:man")
    # The command adds what became of --min-mos.
    assert keys_in("The result") == {*result, "error"}
    assert keys_in("A stream") == {key for each in result["streams"] for key in each}
    assert keys_in("A call") == {key for each in result["calls"] for key in each}
    codec = next(line for line in TEXT.splitlines() if line.startswith("| `codec` |"))
    assert set(re.findall(r"`([^`]+)`", codec)) - {"codec"} == set(result["streams"][0]["codec"])
