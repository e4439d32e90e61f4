"""What the documents say is what the code does."""

import importlib.util
import random
import re
import shlex
from pathlib import Path

import pytest

from dsp.codecs import CodecSettings, codecs
from dsp.level import SpeechMeter
from softphone.app.codec_choice import CodecInUse
from softphone.app.leg import LegFacts
from softphone.app.report import media_report
from softphone.app.result import make_result
from softphone.app.secure_socket import Protection
from softphone.call.outcome import Ending, Outcome
from softphone.call.record import CallInfo
from softphone.cli.parser import parse
from softphone.config import CallOptions
from softphone.control_config import VERBS
from softphone.io.process_cost import ProcessCost
from softphone.media.paths import ReceiveStats
from softphone.options import OPTIONS
from softphone.radio import CallTrace
from softphone.rtp.packet import RtpPacket
from softphone.rtp.session import RtpSession
from softphone.rtp.srtp import SrtpStats
from softphone.scorer.live import VERDICT_WORDS
from softphone.scorer.score import CallScore, Score
from softphone.settings import load_settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CALLS = (ROOT / "docs" / "calls.md").read_text(encoding="utf-8")
OTHER_OPTIONS = {"help", "json", "config", "opus-library", "list", "show", "describe"}


def leaves(value: object, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    return {leaf for key, part in value.items() for leaf in leaves(part, f"{path}.{key}" if path else key)}


def keys_of_a_result() -> set[str]:
    peer = ("192.0.2.1", 4000)
    session = RtpSession(
        remote=peer, remote_rtcp=("192.0.2.1", 4001), clock_rate_hz=8000, receive={0: 8000}, dtmf_send=None,
        dtmf_receive=(), payload_ticks=lambda payload_type, payload: len(payload), packet_ticks=160, ssrc=1,
        sequence_number=1, timestamp=1, cname="a", rng=random.Random(1), ntp_offset_s=0.0, now=0.0,
    )  # fmt: skip
    session.receive_datagram(bytes(RtpPacket(0, 1, 1, 2, bytes(160))), peer, now=0.1)
    facts = LegFacts(
        codec=CodecInUse(codecs.get("pcmu"), CodecSettings(bit_rate_bps=64_000)),
        started=ProcessCost(0.0, 0.0, 0), ended=ProcessCost(1.0, 0.1, 50), rss_mib=40.0,
        rtp=session.stats(now=1.0), receive=ReceiveStats(), heard=SpeechMeter(8000).result(),
        heard_rate_hz=8000, waiting_samples=0, first_rtp_at=0.1, dtmf="", sends=True, receives=True,
        air=CallTrace(1.0, {172: 50}, {172: 1}, 28),
        protection=Protection("sdes", "AES_CM_128_HMAC_SHA1_80", SrtpStats()),
    )  # fmt: skip
    info = CallInfo(
        call_id="a", local_uri="sip:a@192.0.2.2", peer_uri="sip:b@192.0.2.1", invited_at=0.0, ringing_at=None,
        answered_at=0.1, ended_at=1.0, srd_s=0.1, setup_s=0.1, sip_bytes_sent=1, sip_bytes_received=1,
    )  # fmt: skip
    assert facts.rtp.received.packets == 1
    media = media_report(facts, info, recording=None)
    ending = Ending(Outcome.COMPLETED, "local", 200, "OK")
    result = make_result(info, ending, started_at="", media=media, peer_result=None)
    result["score"] = dict.fromkeys(CallScore.__annotations__)
    return leaves(result) | {"exit_status"}


def section(title: str) -> str:
    return CALLS.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(text: str) -> set[str]:
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def commands() -> list[tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        for block in re.findall(
            r"^```\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            for line in block.splitlines():
                command = re.fullmatch(r"(?:\$ )?(?:\.venv/bin/)?softphone (.+)", line)
                if command and not re.match(r"call sip:\S+ ─", line):
                    said = re.split(r" \||  +| &", command[1])[0]
                    found.append((document.name, said))
    return found


def test_every_key_of_a_result_is_defined_and_nothing_else() -> None:
    assert first_cells(section("RESULT")) == keys_of_a_result()


def test_every_verdict_is_defined_and_nothing_else() -> None:
    assert first_cells(section("Verdicts")) == set(VERDICT_WORDS)


def test_every_outcome_is_named() -> None:
    row = next(line for line in CALLS.splitlines() if line.startswith("| `outcome`"))
    assert set(re.findall(r"`([^`]+)`", row.split("|", 2)[2])) - {"--rtp-timeout"} == {
        one.value for one in Outcome
    }


def test_every_option_is_described() -> None:
    of_codecs = {
        option.name for option in OPTIONS if {"encode", "compare", "sweep"} & set(option.group.split())
    }
    comparison = (ROOT / "docs" / "codec-comparison.md").read_text(encoding="utf-8")
    assert not of_codecs - set(re.findall(r"`--([a-z0-9-]+)", comparison))
    of_calls = {option.name for option in OPTIONS if {"demo", "answer", "call"} & set(option.commands)}
    assert not of_calls - set(re.findall(r"`--([a-z0-9-]+)", section("Options")))


def test_every_option_and_verb_of_remote_and_of_a_server_is_described() -> None:
    text = (ROOT / "docs" / "remote.md").read_text(encoding="utf-8")
    options = {option.name for option in OPTIONS if option.group in ("serve", "remote")}
    assert not options - set(re.findall(r"--([a-z0-9-]+)", text))
    assert not set(VERBS) - set(re.findall(r"`([a-z]+)[ `]", text))


def test_every_option_and_key_of_a_score_is_described() -> None:
    text = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
    options = {option.name for option in OPTIONS if "score" in option.group.split()}
    assert not options - set(re.findall(r"--([a-z0-9-]+)", text))
    assert not set(Score.__annotations__) - set(re.findall(r"`([a-z0-9_]+)`", text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_named_exists(document: Path) -> None:
    text = re.sub(
        r"(python -m benchmarks|tools/fuzz.py|pip install|websocat).*",
        "",
        document.read_text(encoding="utf-8"),
    )  # have options of their own
    named = set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", text))
    assert named <= {option.name for option in OPTIONS} | OTHER_OPTIONS


@pytest.mark.parametrize(("document", "command"), commands())
def test_every_command_shown_is_understood(document: str, command: str) -> None:
    given = parse(shlex.split(command))
    assert given.command is not None


def test_the_documents_show_commands() -> None:
    assert {name for name, _ in commands()} >= {"README.md", "calls.md", "codecs.md"}


def test_the_configuration_file_shown_is_read(tmp_path: Path) -> None:
    file = tmp_path / "line.toml"
    file.write_text(CALLS.split("```toml\n", 1)[1].split("```", 1)[0], encoding="utf-8")
    options = load_settings("call", str(file)).apply(CallOptions("sip:bob@127.0.0.1"))
    assert (options.seconds, options.min_mos, options.account.user) == (5, 2, "alice")
    assert (options.line.loss_pct, options.line.burst, options.line.seed) == (5, 2, 7)
    assert ([str(one) for one in options.media.codecs], options.media.ptime_ms) == (
        ["opus:16000", "pcmu"],
        60,
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_named_or_linked_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / link).exists(), link
    for path in re.findall(r"`((?:softphone|dsp|docs|tools|tests|examples)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def test_the_state_diagrams_are_those_of_the_tables() -> None:
    spec = importlib.util.spec_from_file_location("draw_states", ROOT / "tools" / "draw_states.py")
    assert spec is not None
    assert spec.loader is not None
    draw_states = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw_states)
    shown = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert shown == draw_states.document(), "run tools/draw_states.py"
