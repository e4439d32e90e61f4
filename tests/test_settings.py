"""Options come from the command line, else from the file, else they are the default."""

import sys
from pathlib import Path

import pytest

from softphone.config import AnswerOptions, CallOptions, CodecChoice, DemoOptions
from softphone.control_config import ConsoleOptions, RemoteOptions, ServeOptions
from softphone.errors import UsageError
from softphone.options import OPTIONS
from softphone.settings import Settings, load_settings, user_config_path

URI = "sip:bob@127.0.0.1"


def call(tmp_path: Path, text: str, **given: object) -> CallOptions:
    file = tmp_path / "config.toml"
    file.write_text(text)
    settings = load_settings("call", str(file))
    settings.add({name.replace("_", "-"): value for name, value in given.items()}, "--")
    return settings.apply(CallOptions(URI))


def test_command_line_goes_before_command_before_group_before_default(tmp_path: Path) -> None:
    text = "[media]\nptime = 40\ncomplexity = 3\nbitrate = 8000\n[call]\nptime = 60\ncomplexity = 7\n"
    media = call(tmp_path, text, ptime="20").media
    assert (media.ptime_ms, media.complexity, media.bit_rate_bps) == (20, 7, 8000)
    assert media.rtp_ports == (16384, 32767)


def test_tables_of_other_commands_do_not_count(tmp_path: Path) -> None:
    assert call(tmp_path, "[answer]\nseconds = 3\nptime = 60\n") == CallOptions(URI)


def test_every_option_is_read_from_text_as_the_command_line_gives_it() -> None:
    settings = Settings("call")
    settings.add(
        {
            "seconds": "2.5", "ring-timeout": "9", "dtmf": "1a#",
            "min-mos": "3.5", "repeat": "2", "every": "4",
            "listen": "[::1]:5070", "play": "a.wav", "record": "b.wav", "record-sent": "c.wav",
            "expect": "d.wav",
            "codec": "opus:16000,pcmu", "bitrate": "9000", "ptime": "60", "complexity": "1",
            "rtp-ports": "20000-20999", "rtp-timeout": "0", "opus-library": "/x", "loss": "5", "burst": "2",
            "delay": "30", "jitter": "4", "seed": "7", "user": "u", "auth-user": "a", "password": "p",
            "header": ["X-A: b: c"], "sip-t1-ms": "100",
        },
        "--",
    )  # fmt: skip
    got = settings.apply(CallOptions(URI))
    assert (got.seconds, got.ring_timeout_s, got.dtmf, got.min_mos, got.repeat, got.every_s) == (
        2.5, 9, "1A#", 3.5, 2, 4,
    )  # fmt: skip
    assert got.listen == ("::1", 5070)
    assert (got.audio.play, got.audio.record, got.audio.record_sent, got.audio.expect) == (
        "a.wav", "b.wav", "c.wav", "d.wav",
    )  # fmt: skip
    assert got.media.codecs == (CodecChoice("opus", 16000), CodecChoice("pcmu"))
    assert (got.media.bit_rate_bps, got.media.ptime_ms, got.media.complexity) == (9000, 60, 1)
    assert (got.media.rtp_ports, got.media.rtp_timeout_s, got.media.opus_library) == ((20000, 20999), 0, "/x")
    line = got.line
    assert (line.loss_pct, line.burst, line.delay_ms, line.jitter_ms, line.seed) == (5, 2, 30, 4, 7)
    account = got.account
    assert (account.user, account.auth_user, account.password, account.sip_t1_ms) == ("u", "a", "p", 100)
    assert account.headers == (("X-A", "b: c"),)


def test_toml_gives_numbers_lists_and_switches(tmp_path: Path) -> None:
    text = """
[audio]
echo = true
[media]
codec = ["opus:6000", "pcma"]
[account]
header = ["X-A: 1", "X-B: 2"]
[call]
seconds = 3
dtmf = 12
"""
    got = call(tmp_path, text)
    assert got.audio.echo
    assert [str(codec) for codec in got.media.codecs] == ["opus:6000", "pcma"]
    assert got.account.headers == (("X-A", "1"), ("X-B", "2"))
    assert (got.seconds, got.dtmf) == (3.0, "12")


def test_a_source_on_the_command_line_sets_aside_that_of_the_file(tmp_path: Path) -> None:
    audio = call(tmp_path, '[audio]\ndevice = "default"\n', play="a.wav").audio
    assert (audio.play, audio.device) == ("a.wav", None)


def test_two_sources_in_one_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--play and --tone exclude each other"):
        call(tmp_path, "", play="a.wav", tone="440")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5070", ("127.0.0.1", 5070)),
        ("127.0.0.1", ("127.0.0.1", 5060)),
        (":5070", ("127.0.0.1", 5070)),
        ("[::1]:5070", ("::1", 5070)),
        ("[::1]", ("::1", 5060)),
        ("::1", ("::1", 5060)),
        ("host.example:0", ("host.example", 0)),
    ],
)
def test_an_address_is_read(text: str, address: tuple[str, int]) -> None:
    settings = Settings("answer")
    settings.add({"listen": text}, "--")
    assert settings.apply(AnswerOptions()).listen == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[media]\nptmie = 20\n", r"\[media\]: no option 'ptmie', the nearest is 'ptime'"),
        ("[meida]\nptime = 20\n", r"no table \[meida\], the nearest is \[media\]"),
        ("ptime = 20\n", r"no table \[ptime\]"),
        ("media = 3\n", r"media must be a table \[media\], got 3"),
        ("[answer]\ndtmf = '1'\n", r"\[answer\]: no option 'dtmf'"),
        ("[media]\nptime = '20ms'\n", r"\[media\] ptime: wanted a whole number, got '20ms'"),
        ("[media]\nptime = true\n", r"\[media\] ptime: wanted a whole number, got True"),
        ("[audio]\necho = 'yes'\n", r"\[audio\] echo: wanted true or false, got 'yes'"),
        ("[audio]\nplay = 3\n", r"\[audio\] play: wanted text, got 3"),
        ("[call]\nseconds = 'long'\n", r"\[call\] seconds: wanted a number, got 'long'"),
        ("[call]\nlisten = 'a:b'\n", r"listen: wanted HOST:PORT, got 'a:b'"),
        ("[media]\nrtp-ports = '20000'\n", "wanted two ports as LOW-HIGH"),
        ("[account]\nheader = 'nothing'\n", "wanted 'Name: value'"),
        ("[account]\npassword-env = 'NO_SUCH_VARIABLE'\n", "NO_SUCH_VARIABLE holds no password"),
        ("[line]\nloss = 200\n", "--loss must be 0 to 100 percent, got 200"),
        ("[media\n", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        call(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        load_settings("call", str(tmp_path / "binary"))
    with pytest.raises(UsageError, match="--config: no file"):
        load_settings("call", str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="cannot read"):
        load_settings("call", str(tmp_path))


def test_the_password_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIP_SECRET", "hunter2")
    text = "[account]\nuser = 'a'\npassword = 'of the file'\n"
    assert call(tmp_path, text, password_env="SIP_SECRET").account.password == "hunter2"


@pytest.mark.skipif(sys.platform != "linux", reason="asks for the folder of Linux")
def test_the_users_own_file_is_read_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_settings("demo", None).apply(DemoOptions()) == DemoOptions()
    assert user_config_path() == tmp_path / "softphone" / "config.toml"
    user_config_path().parent.mkdir()
    user_config_path().write_text("[demo]\nseconds = 3\n")
    assert load_settings("demo", None).apply(DemoOptions()).seconds == 3


def test_each_option_names_a_field_of_its_dataclass() -> None:
    serve = ServeOptions()
    bases: dict[str, object] = {
        "call": CallOptions(URI, serve=serve), "answer": AnswerOptions(serve=serve), "demo": DemoOptions(),
        "console": ConsoleOptions(), "remote": RemoteOptions("undo"),
    }  # fmt: skip
    for option in OPTIONS:
        for command in bases.keys() & set(option.commands):
            base = bases[command]
            assert hasattr(getattr(base, option.group, base), option.field), option
