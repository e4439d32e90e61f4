"""The options of live filters, of the server, of `remote` and of `console`, from the command line and from the file."""

from pathlib import Path
from typing import Any

import pytest

from softphone.app.call_filters import CallFilters
from softphone.cli.parser import given_options, parse
from softphone.config import AnswerOptions, AudioOptions, CallOptions, FilterOptions
from softphone.control_config import VERBS, ConsoleOptions, LiveOptions, RemoteOptions
from softphone.errors import UsageError
from softphone.serve_config import ServeOptions, is_loopback
from softphone.settings import Settings, load_settings

URI = "sip:bob@127.0.0.1"
LIVE = LiveOptions("voice-clear")


def settings(line: str, file: Path | None = None, text: str = "") -> Settings:
    words = line.split()
    if file is not None:
        file.write_text(text)
        words += ["--config", str(file)]
    given = parse(words)
    found = load_settings(given.command, given.config)
    found.add(given_options(given), "--")
    return found


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("--serve", ("127.0.0.1", 8765)),
        ("--serve --json", ("127.0.0.1", 8765)),
        ("--serve 9000", ("127.0.0.1", 9000)),
        ("--serve 0", ("127.0.0.1", 0)),
        ("--serve localhost", ("localhost", 8765)),
        ("--serve localhost:9000", ("localhost", 9000)),
        ("--serve 127.0.0.2", ("127.0.0.2", 8765)),
        ("--serve :9000", ("127.0.0.1", 9000)),
        ("--serve [::1]:9000", ("::1", 9000)),
        ("--serve [::1]", ("::1", 8765)),
        ("--serve ::1", ("::1", 8765)),
        ("--serve studio.lan:9000 --allow-lan", ("studio.lan", 9000)),
        ("--serve=studio --allow-lan", ("studio", 8765)),
        ("--serve 0.0.0.0 --allow-lan", ("0.0.0.0", 8765)),
    ],
)
def test_where_it_serves_is_read(given: str, address: tuple[str, int]) -> None:
    serve = settings(f"call {URI} {given}").apply(CallOptions(URI)).serve
    assert serve is not None
    assert serve.address == address


@pytest.mark.parametrize(
    "line",
    [
        "filter --live --serve telephone",
        "filter telephone --serve --live",
        "filter --serve telephone --realtime in.wav out.wav",
    ],
)
def test_a_bare_serve_takes_no_word_that_is_for_something_else(line: str) -> None:
    given = parse(line.split())
    assert given.words[0] == "telephone"
    assert given_options(given)["serve"] == ""


def test_without_serve_there_is_no_server() -> None:
    assert settings(f"call {URI}").apply(CallOptions(URI)).serve is None
    assert settings("answer").apply(AnswerOptions()).serve is None
    assert settings("filter x --live").serve() is None
    assert settings("console").apply(ConsoleOptions()).serve == ServeOptions()


def test_every_option_of_the_server_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a-token-1")
    line = (
        "answer --serve 8000 --allow-lan --token-env TOKEN --tls-cert c.pem --tls-key k.pem --serve-name a.lan "
        "--serve-name b.lan --announce Studio --osc 9001 --max-clients 5"
    )
    assert settings(line).apply(AnswerOptions()).serve == ServeOptions(
        ("127.0.0.1", 8000), True, "a-token-1", "c.pem", "k.pem", False, ("a.lan", "b.lan"), "Studio",
        ("127.0.0.1", 9001), 5,
    )  # fmt: skip
    osc = settings("answer --serve --osc --tls-self-signed").apply(AnswerOptions()).serve
    assert osc == ServeOptions(osc=("127.0.0.1", 8766), tls_self_signed=True)


def test_the_file_says_it_the_command_before_the_group_and_the_command_line_before_both(
    tmp_path: Path,
) -> None:
    file = tmp_path / "c.toml"
    text = "[serve]\nserve = 7000\nmax-clients = 3\n[call]\nmax-clients = 4\n"
    of_file = settings(f"call {URI}", file, text).apply(CallOptions(URI)).serve
    assert of_file == ServeOptions(("127.0.0.1", 7000), max_clients=4)
    typed = settings(f"call {URI} --serve 7001 --max-clients 5", file, text).apply(CallOptions(URI)).serve
    assert typed == ServeOptions(("127.0.0.1", 7001), max_clients=5)
    text = "[serve]\nserve = true\ntls-cert = 'a.pem'\ntls-key = 'k.pem'\n"
    assert settings("answer --tls-self-signed", file, text).serve() == ServeOptions(tls_self_signed=True)
    assert settings("filter x --live", file, "[serve]\nmax-clients = 3\n").serve() is None
    assert settings("filter x --live", file, "[serve]\nserve = false\n").serve() is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"call {URI} --serve 0.0.0.0", r"--serve 0\.0\.0\.0 would let others on the network in: add --allow-lan"),
        (f"call {URI} --serve [::]:80", "--serve :: would let others"),
        (f"call {URI} --serve 192.0.2.1", r"--serve 192\.0\.2\.1 would let others"),
        (f"call {URI} --serve=host", "--serve host would let others"),
        (f"call {URI} --osc 0.0.0.0:9", "--osc is for --serve: give it, too"),
        (f"call {URI} --serve --osc 0.0.0.0:9", r"--osc 0\.0\.0\.0 would let others"),
        (f"call {URI} --serve=a/b", "--serve: wanted PORT, HOST or HOST:PORT, got 'a/b'"),
        (f"call {URI} --serve 99999", "--serve port must be 0 to 65535, got 99999"),
        (f"call {URI} --allow-lan", "--allow-lan is for --serve: give it, too"),
        (f"call {URI} --serve --token-env NOT_SET_AT_ALL", "--token-env: environment variable NOT_SET_AT_ALL holds no token"),
        (f"call {URI} --serve --tls-key k", "--tls-key is for a certificate: give --tls-cert, too"),
        (f"call {URI} --serve --tls-cert c --tls-self-signed", "--tls-cert and --tls-self-signed exclude each other"),
        (f"call {URI} --serve --serve-name a_b", "--serve-name must be a host name, like studio.local, got 'a_b'"),
        (f"call {URI} --serve --max-clients 0", "--max-clients must be 1 to 1000, got 0"),
        (f"call {URI} --serve --announce {'x' * 64}", "--announce must be a name of 1 to 63 bytes"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_in_one_line(line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        settings(line).apply(CallOptions(URI))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "words"),
    [("short", "must have 8 to 128 characters, got 5"), ("with a blank", r"must be of A-Z a-z 0-9 - \. _ ~")],
)
def test_a_token_that_will_not_do_is_refused_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, token: str, words: str
) -> None:
    monkeypatch.setenv("TOKEN", token)
    with pytest.raises(UsageError, match=words) as caught:
        settings("answer --serve --token-env TOKEN").apply(AnswerOptions())
    assert token not in str(caught.value)
    assert "s3cret-token" not in repr(ServeOptions(token="s3cret-token"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_told_from(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "fe80::1", "", "2130706433"]
)
def test_everything_else(host: str) -> None:
    assert not is_loopback(host)


def test_the_options_of_a_live_filter_are_read(tmp_path: Path) -> None:
    line = "filter voice-clear --live --in-device Mic --out-device 3 --rate 16000 --block 5 --seconds 2 --set gain.gain_db=3"
    assert settings(line).apply(LIVE) == LiveOptions(
        "voice-clear", in_device="Mic", out_device="3", sample_rate_hz=16_000, block_ms=5, seconds=2,
        changes=(("gain.gain_db", "3"),),
    )  # fmt: skip
    text = (
        "[filter]\nlive = true\nin-device = 'Mic'\nblock = 5\n"
        "[filter.set]\ngain.gain_db = 1\na.b = [1, 2]\nc.d = [[1, 2], [3, 4]]\ne = false\n"
    )
    of_file = settings("filter voice-clear --set gain.gain_db=3", tmp_path / "c", text)
    assert of_file.wants("live")
    assert of_file.apply(LIVE) == LiveOptions(
        "voice-clear", in_device="Mic", block_ms=5,
        changes=(("gain.gain_db", "1"), ("a.b", "1,2"), ("c.d", "1:2,3:4"), ("e", "off"), ("gain.gain_db", "3")),
    )  # fmt: skip
    once = settings("filter a b c", tmp_path / "c", "[filter]\nin-device = 'Mic'\n").apply(
        FilterOptions("a", "b", "c")
    )
    assert once == FilterOptions("a", "b", "c"), "what is for live filters waits in the file"


def test_live_and_realtime_set_each_other_aside(tmp_path: Path) -> None:
    found = settings("filter x --realtime a b", tmp_path / "c", "[filter]\nlive = true\n")
    assert (found.wants("live"), found.wants("realtime")) == (False, True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"realtime": True}, "--realtime wants PRESET IN OUT"),
        ({"source": "a", "target": "b"}, "--live runs from device to device and takes no files"),
        ({"block_ms": 0.5}, "--block must be 1 to 100 ms, got 0.5"),
        ({"sample_rate_hz": 4000}, "--rate must be 8000 to 192000 Hz, got 4000"),
        ({"far": "x.wav"}, "--far is for files"),
        ({"seconds": 0.0}, r"--seconds must be 0\.1 to 86400 s, got 0"),
    ],
)
def test_a_live_filter_that_cannot_be_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        LiveOptions("x", **given)


def test_the_options_of_the_console_are_read() -> None:
    line = (
        "console --listen 127.0.0.1:5070 --out r --live telephone --in-device null --rate 16000 --block 20 "
        "--codec pcmu --user u --loss 1 --echo --serve 9000"
    )
    got = settings(line).apply(ConsoleOptions())
    assert (got.listen, got.out, got.serve.address) == (("127.0.0.1", 5070), "r", ("127.0.0.1", 9000))
    assert got.live_options == LiveOptions("telephone", in_device="null", sample_rate_hz=16_000, block_ms=20)
    assert (got.media.codecs[0].name, got.account.user, got.line.loss_pct, got.audio.echo) == (
        "pcmu",
        "u",
        1,
        True,
    )
    assert ConsoleOptions().live_options is None
    with pytest.raises(UsageError, match="--out-device and --set-live are for --live PRESET"):
        settings("console --out-device x").apply(ConsoleOptions())
    with pytest.raises(UsageError, match="--block must be"):
        settings("console --live x --block 0").apply(ConsoleOptions())


def test_the_options_of_remote_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", "of-the-environment")
    line = "remote --at h:1 --token-env T --chain sent --name Anna --every 1 --tls-ca ca.pem get"
    assert settings(line).apply(RemoteOptions("get")) == RemoteOptions(
        "get", at="h:1", token="of-the-environment", chain="sent", name="Anna", every_s=1, tls_ca="ca.pem"
    )
    found = settings(
        "remote --token typed-in-the-open get", tmp_path / "c", "[remote]\nat = 'x:1'\ntoken-env = 'T'\n"
    )
    assert found.token_is_open
    assert found.apply(RemoteOptions("get")) == RemoteOptions("get", at="x:1", token="typed-in-the-open")
    assert (
        settings("remote get", tmp_path / "c", "[serve]\ntoken-env = 'T'\n").apply(RemoteOptions("get")).token
        is None
    )


def test_a_negative_value_is_a_word() -> None:
    assert parse(["remote", "set", "gain.gain_db", "-6"]).words == ["set", "gain.gain_db", "-6"]
    assert parse(["remote", "set", "eq.gains_db", "-3,2,1"]).words == ["set", "eq.gains_db", "-3,2,1"]


@pytest.mark.parametrize(
    ("verb", "given", "words"),
    [
        ("gett", (), r"remote wants one of get, set, .*, got 'gett'"),
        (
            "set",
            ("a.b",),
            r"remote: wanted set PATH VALUE, as `softphone remote set low-cut.freq_hz 200`; got set a\.b",
        ),
        ("undo", ("x",), "remote: wanted undo; got undo x"),
        ("bypass", ("maybe",), "remote: wanted bypass on or bypass off, got 'maybe'"),
    ],
)
def test_a_wrong_verb_is_one_line(verb: str, given: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        RemoteOptions(verb, given)


def test_levels_are_told_as_often_as_the_protocol_has_it() -> None:
    assert RemoteOptions("watch", every_s=5).every_s == 5
    with pytest.raises(UsageError, match=r"--every must be 0\.02 to 5 s, got 6"):
        RemoteOptions("watch", every_s=6)


def test_a_fingerprint_is_64_digits_with_or_without_colons() -> None:
    assert RemoteOptions("get", tls_fingerprint="ab" * 32).is_secure
    assert RemoteOptions("get", tls_fingerprint=":".join(["AB"] * 32)).is_secure
    assert not RemoteOptions("get").is_secure
    with pytest.raises(UsageError, match="--tls-fingerprint must be SHA-256 in 64 hexadecimal digits"):
        RemoteOptions("get", tls_fingerprint="ab")


def test_every_verb_is_in_the_help_of_remote(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["remote", "--help"])
    out = capsys.readouterr().out
    assert [verb for verb in VERBS if f" {verb}" not in out] == []


def test_values_of_the_filters_of_a_call_are_typed_or_stand_in_the_file(tmp_path: Path) -> None:
    text = (
        "[audio]\nfilter = 'telephone'\n[audio.set]\nphone-line.loss_pct = 5\nphone-line.noise_dbov = -60\n"
    )
    line = f"call {URI} --set phone-line.loss_pct=2 --filter-in voice-clear --set-in low-cut.freq_hz=120"
    audio = settings(line, tmp_path / "c", text).apply(CallOptions(URI)).audio
    filters = CallFilters.load(audio)
    assert filters is not None
    assert filters.sent is not None
    assert filters.heard is not None
    sent, heard = filters.sent.slots[0].params, filters.heard.slots[0].params
    assert (sent.loss_pct, sent.noise_dbov, heard.freq_hz) == (2, -60, 120)
    with pytest.raises(UsageError, match=r"phone-line.loss_pct must be 0 to 100 %, got 500"):
        CallFilters.load(
            AudioOptions(filter_sent="telephone", changes_sent=(("phone-line.loss_pct", "500"),))
        )
    with pytest.raises(UsageError, match="--set is for --filter PRESET"):
        settings(f"call {URI} --set a.b=1").apply(CallOptions(URI))


def test_values_of_the_live_filter_of_the_console_are_its_own() -> None:
    live = (
        settings("console --live telephone --set-live phone-line.loss_pct=2")
        .apply(ConsoleOptions())
        .live_options
    )
    assert live == LiveOptions("telephone", changes=(("phone-line.loss_pct", "2"),))
