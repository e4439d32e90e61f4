"""The arguments of each command, made from the table of options."""

import argparse
import re
from typing import TYPE_CHECKING, NoReturn

from softphone.errors import UsageError

if TYPE_CHECKING:
    from softphone.options import Option

_GROUP_TITLES = {
    "audio": "audio (neither --play, --echo, --tone nor --device: bundled speech is sent)",
    "media": "media",
    "line": "line: simulate a bad one, between RTP and the socket",
    "account": "account (answer: a password makes callers prove who they are)",
    "serve": "serve: let a browser, `softphone remote` or a script steer what runs (docs/remote-control.md)",
}
_ADDRESS = re.compile(
    r"\d+|localhost|\d+(\.\d+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+|\[[^\]]*\](:\d*)?|[\w.-]*:\d+"
)
"""What is taken for an address behind an option that may also stand alone."""
_CONFIG_HELP = "configuration (the user's own config.toml)"
NO_COMMAND = "a command is wanted, got none; try `softphone demo`"
_CALLS = {
    "demo": "a whole test call on this machine: two processes, recorded and scored",
    "answer": "answer calls",
    "call": "call a SIP URI",
    "register": "keep a registration and answer the calls that it brings",
}
_FILTER = "run a sound file, or sound as it is heard, through filters"
_FILTER_USAGE = """softphone filter PRESET|FILE.toml IN OUT [--set PATH=VALUE ...] [options]
       softphone filter PRESET|FILE.toml --live [--in-device NAME] [--out-device NAME] [--serve [HOST:PORT]] [options]
       softphone filter PRESET|FILE.toml IN OUT --realtime [--serve [HOST:PORT]] [options]
       softphone filter --list | --show PRESET [--set PATH=VALUE ...] | --describe [FILTER ...]"""
_CODEC_VERBS = {
    "encode": "encode a sound file into a file of packets",
    "decode": "decode a file of packets into a sound file",
    "compare": "measure sound files through several codecs, side by side",
}
_SWEEP = "test calls over bad lines, in virtual time: codecs by loss by jitter by packet interval"
_WORDS = {
    "encode": ("NAME[:BPS] IN.wav OUT.bin", "the codec, what is read, what is written"),
    "decode": ("IN.bin OUT.wav", "what is read, what is written"),
    "compare": (
        "IN.wav [IN2.wav ...]",
        "recordings of speech, or builtin:man, builtin:woman; IN.txt beside one is its transcript",
    ),
    "sweep": ("", ""),
}
_SCORE = "what a line did to speech: a score, and what is wrong, of a recording, a capture or a list"
_SCORE_USAGE = """softphone score DEGRADED|CALL.pcap [--reference FILE|DIR|builtin:NAME] [--report OUT.html] [options]
       softphone score --pairs PAIRS.csv --out SCORES.csv [--workers N | --dask ADDRESS] [options]"""
_RADIO = "airtime and energy: of a flow of packets, of codecs, of an idle registration"
_RADIO_USAGE = """softphone radio --packets N --bytes B [--radio NAME[:MBPS]]
       softphone radio compare | turns [--bitrate BPS] [--ptime MS] | idle [--expires S]
       softphone radio --list | --show NAME"""
_VOICE = "how a voice is: pitch, jitter, shimmer, noise, cepstrum, spectrum, formants; of a recording or a folder of them"
_VOICE_USAGE = """softphone voice FILE [--pitch-floor HZ] [--pitch-ceiling HZ] [--report OUT.html] [options]
       softphone voice FILE|FOLDER ... --out OUT.csv [--workers N | --dask ADDRESS] [options]
       softphone voice avqi --vowel FILE --speech FILE [--language NAME]
       softphone voice dsi --mpt S --low FILE --high FILE --vowel FILE --spl-at-0dbfs DB"""
_VOICE_GROUPS = {
    "avqi dsi": "avqi and dsi: indices from several recordings of one person",
    "avqi": "avqi: Acoustic Voice Quality Index 03.01",
    "dsi": "dsi: Dysphonia Severity Index",
}
_MEMO = "voice memos: record them, measure the voice in them, see how it changes over weeks"
_MEMO_VERBS = {
    "record": (
        "[NAME]",
        "record a memo and measure it",
        "softphone memo record morning --seconds 5 --tag vowel",
    ),
    "list": ("", "list memos", "softphone memo list --tag vowel"),
    "show": ("[NAME]", "all that was measured of a memo (of the newest)", "softphone memo show morning"),
    "play": ("[NAME]", "hear a memo (the newest)", "softphone memo play morning --filter voice-clear"),
    "delete": ("NAME ...", "delete memos and their sounds", "softphone memo delete morning --yes"),
    "export": (
        "[NAME ...]",
        "write memos (all of them) elsewhere: sounds and results, or results alone",
        "softphone memo export --out memos.csv",
    ),
    "import": (
        "FILE [NAME]",
        "take in a sound file as a memo",
        "softphone memo import vowel.wav --tag vowel",
    ),
    "measure": ("[NAME ...]", "measure memos (all of them) anew", "softphone memo measure --pitch-floor 75"),
    "history": (
        "MEASURE",
        "a measure over time, with your own baseline",
        "softphone memo history cpps_db --tag vowel --out cpps.html",
    ),
}
_LADDER = "draw who sent what to whom in a call, from a trace or a capture"
_CONSOLE = "calls, filters and scores, all steered from a page in the browser"
_REMOTE = "steer a filter or a call that somebody serves"
_REMOTE_USAGE = """softphone remote [--at HOST:PORT|NAME] [--token-env VAR] [--chain NAME] VERB
  get [PATH]           a value, or all of them        set PATH VALUE    another value
  presets              which there are                preset NAME       go over to one
  bypass on|off        the plain sound, as loud       undo, redo        the last change
  save NAME            keep the values as a preset    schema [FILTER]   parameters, units, ranges
  watch                changes and levels, as they come
  clients              who else is here               find              who announces itself on the local network"""
_EXAMPLES = {
    "radio": "softphone radio --packets 16.7 --bytes 140 --radio wifi-n:65",
    "demo": "softphone demo --seconds 5 --out recordings",
    "answer": "softphone answer --listen 127.0.0.1:5070 --calls 1 --record heard.wav --json",
    "call": "softphone call sip:bob@127.0.0.1:5070 --codec opus:16000 --ptime 60 --record heard.wav",
    "register": "softphone register sip:alice@pbx.example.com --password-env PBX_PASSWORD --echo",
    "filter": "softphone filter voice-clear in.wav out.wav --set low-cut.freq_hz=120\n"
    "  softphone filter voice-clear --live --serve",
    "console": "softphone console --serve 127.0.0.1:8765 --out recordings",
    "remote": "softphone remote set low-cut.freq_hz 200",
    "devices": "softphone devices --json",
    "ladder": "softphone call sip:bob@127.0.0.1:5070 --trace call.txt\n  softphone ladder call.txt --svg call.svg",
    "codec": "softphone codec list",
    "codec list": "softphone codec list --json",
    "codec encode": "softphone codec encode opus:6000 in.wav out.bin --ptime 60",
    "codec decode": "softphone codec decode out.bin back.wav",
    "codec compare": "softphone codec compare speech.wav --codecs opus:6000,codec2:3200,pcmu --report compared.html",
    "score": "softphone score heard.wav --reference builtin:man --min-mos 3.5",
    "voice": "softphone voice vowel.wav --sex f --report vowel.html\n  softphone voice recordings --out voices.csv --workers 2",
    "memo": "softphone memo record morning --seconds 5\n  softphone memo history cpps_db --out cpps.html",
    **{f"memo {verb}": example for verb, (_, _, example) in _MEMO_VERBS.items()},
    "sweep": "softphone sweep --codecs opus:6000@60,codec2:3200 --loss 0,5,10 --out swept",
}


_WITH_OPTIONS = ("filter", "score", "voice", "memo", "radio", "console", "remote", "codec", "sweep", "ladder")
_VERBS: dict[str | None, tuple[str | None, ...]] = {
    "codec": tuple(_CODEC_VERBS),
    "voice": ("voice", "avqi", "dsi"),
}
_LISTINGS = {"filter": ("list", "show", "describe"), "radio": ("list", "show")}


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print and leave."""

    def error(self, message: str) -> NoReturn:
        """Report wrong usage."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def make_parser(command: str | None) -> Parser:
    """Return the parser of the whole command line, where only *command* knows its options.

    What no other command needs is not loaded for them, so that `--help` is there at once.
    """
    parser = Parser(
        prog="softphone",
        description="SIP test calls at very low bit rate, CPU and airtime; audio filters; a scorer of voice quality.",
        epilog="Exit status: 0 done, 1 our own fault, 2 wrong usage, 3 peer not reachable, 4 refused,\n"
        "5 audio failed, 6 a threshold was missed.\n\nexample:\n  softphone demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, text in _CALLS.items():
        one = _add(commands, name, name, text)
        if name == command:
            _add_call_options(one, command)
    one = _add(commands, "filter", "filter", _FILTER)
    if command == "filter":
        _add_filter_options(one)
    one = _add(commands, "score", "score", _SCORE)
    if command == "score":
        _add_score_options(one)
    one = _add(commands, "voice", "voice", _VOICE)
    if command == "voice":
        _add_voice_options(one)
    one = _add(commands, "memo", "memo", _MEMO, common=False)
    verbs = one.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser, required=True)
    for verb, (_, text, _) in _MEMO_VERBS.items():
        one = _add(verbs, verb, f"memo {verb}", text)
        if command == "memo":
            _add_memo_options(one, verb)
    one = _add(commands, "radio", "radio", _RADIO)
    if command == "radio":
        _add_radio_options(one)
    one = _add(commands, "console", "console", _CONSOLE)
    if command == "console":
        _add_call_options(one, command)
    one = _add(commands, "remote", "remote", _REMOTE)
    if command == "remote":
        _add_remote_options(one)
    one = _add(commands, "ladder", "ladder", _LADDER)
    if command == "ladder":
        _add_ladder_options(one)
    _add(commands, "devices", "devices", "list sound devices")
    codec = _add(commands, "codec", "codec", "codecs: see `softphone codec list`", common=False)
    verbs = codec.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser, required=True)
    listing = _add(verbs, "list", "codec list", "list codecs, their rates and libraries")
    listing.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    listing.add_argument("--opus-library", metavar="PATH", help="the libopus to use")
    for verb, text in _CODEC_VERBS.items():
        one = _add(verbs, verb, f"codec {verb}", text)
        if command == "codec":
            _add_measuring_options(one, verb)
    one = _add(commands, "sweep", "sweep", _SWEEP)
    if command == "sweep":
        _add_measuring_options(one, "sweep")
    return parser


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed command line.

    Raises:
        UsageError: naming what is not known, and what comes nearest to it.
    """
    command = next((word for word in arguments if not word.startswith("-")), None)
    parser = make_parser(command)
    given, unknown = parser.parse_known_args(_with_bare_options(arguments))
    if hasattr(given, "words"):  # argparse takes no words behind an option once it has seen some before it
        given.words += [word for word in unknown if _is_word(word)]
        unknown = [word for word in unknown if not _is_word(word)]
    if given.command is None and not given.version:
        raise UsageError(NO_COMMAND)
    if unknown:
        raise UsageError(_unknown(command, unknown[0]))
    return given


def _with_bare_options(arguments: list[str]) -> list[str]:
    """*arguments*, where ``--serve`` and the like take no word that can be no address, as `filter --serve telephone`."""
    words = [*arguments, "-"]
    return [
        f"{word}=" if word in ("--serve", "--osc") and not _ADDRESS.fullmatch(words[index + 1]) else word
        for index, word in enumerate(arguments)
    ]


def _is_word(word: str) -> bool:
    """Whether *word* is no option: a list of values may begin with a negative one."""
    return not word.startswith("-") or word[1:2].isdigit()


def _unknown(command: str | None, word: str) -> str:
    """What to say of *word*, which *command* does not know."""
    import difflib

    name = word.partition("=")[0]
    known = [f"--{option}" for option in ("json", *_option_names(command))]
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = "see --help"
    if name in known:
        hint = "options stand behind the command"
    elif nearest:
        hint = f"the nearest is {nearest[0]}"
    elif command == "filter" and "." in name:
        hint = f"for a file of that name write ./{word}"
    return f"{command or 'softphone'} does not know {word!r}; {hint}"


def _option_names(command: str | None) -> list[str]:
    """The options of *command*, `--json` and `-v` aside; none where there are no others."""
    if command not in (*_CALLS, *_WITH_OPTIONS):
        return []
    from softphone.options import OPTIONS

    of = _VERBS.get(command, (command,))
    own = (option.name for option in OPTIONS if set(of) & set(option.commands))
    return list(dict.fromkeys(("config", *_LISTINGS.get(command, ()), *own)))


def _add(
    parsers: "argparse._SubParsersAction[Parser]", name: str, command: str, text: str, *, common: bool = True
) -> Parser:
    parser = parsers.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"example:\n  {_EXAMPLES[command]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if common:
        parser.add_argument(
            "--json", action="store_true", help="the result as JSON on stdout, and nothing else there"
        )
        parser.add_argument("-v", dest="verbose", action="count", default=0, help="more on stderr (-vv: all)")
    return parser


def _add_call_options(parser: Parser, command: str) -> None:
    from softphone.options import GROUPS, OPTIONS

    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    if command == "call":
        parser.add_argument("uri", metavar="URI", help="whom to call, like sip:bob@127.0.0.1:5060")
    elif command == "register":
        parser.add_argument("uri", metavar="URI", help="whose calls, like sip:alice@pbx.example.com")
    options = [option for option in OPTIONS if command in option.commands]
    for option in options:
        if option.group not in GROUPS:
            _add_option(parser, option)
    for group, title in _GROUP_TITLES.items():
        members = [option for option in options if option.group == group]
        if members:
            container = parser.add_argument_group(title)
            for option in members:
                _add_option(container, option)


def _add_filter_options(parser: Parser) -> None:
    from softphone.options import OPTIONS

    parser.usage = _FILTER_USAGE
    parser.add_argument(
        "words",
        nargs="*",
        metavar="PRESET IN OUT",
        help="which filters (a name, a TOML file, or a .txt of Equalizer APO), what is read, what is written",
    )
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the presets")
    what.add_argument("--show", metavar="PRESET", help="print a preset as TOML")
    what.add_argument(
        "--describe", action="store_true", help="filters with their parameters, units and ranges"
    )
    serve = parser.add_argument_group(_GROUP_TITLES["serve"])
    for option in OPTIONS:
        if "filter" in option.commands:
            _add_option(serve if option.group == "serve" else parser, option)


def _add_remote_options(parser: Parser) -> None:
    from softphone.options import OPTIONS

    parser.usage = _REMOTE_USAGE
    parser.add_argument("words", nargs="*", metavar="VERB", help="what to do, as above")
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    for option in OPTIONS:
        if "remote" in option.commands:
            _add_option(parser, option)


def _add_measuring_options(parser: Parser, command: str) -> None:
    from softphone.options import OPTIONS

    metavar, what = _WORDS[command]
    if metavar:
        parser.add_argument("words", nargs="*", metavar=metavar, help=what)
        name = parser.prog
        parser.usage = f"{name} {metavar} [options]"
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    for option in OPTIONS:
        if command in option.group.split() and option.name == "speech":  # as many files as one likes
            parser.add_argument(
                "--speech",
                nargs="+",
                action="extend",
                metavar="FILE",
                default=argparse.SUPPRESS,
                help=option.help,
            )
        elif command in option.group.split():
            _add_option(parser, option)


def _add_score_options(parser: Parser) -> None:
    from softphone.options import OPTIONS

    parser.usage = _SCORE_USAGE
    parser.add_argument(
        "words",
        nargs="*",
        metavar="DEGRADED|CALL.pcap",
        help="what was recorded: a sound file, or packets (pcap, pcapng)",
    )
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    for option in OPTIONS:
        if "score" in option.commands:
            _add_option(parser, option)


def _add_voice_options(parser: Parser) -> None:
    from softphone.options import OPTIONS

    parser.usage = _VOICE_USAGE
    parser.add_argument(
        "words",
        nargs="*",
        metavar="FILE|FOLDER",
        help="a recording, or builtin:man, builtin:woman; with --out many; or avqi, dsi (a file of that name: ./avqi)",
    )
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    for option in OPTIONS:
        if option.group == "voice":
            _add_option(parser, option)
    for group, title in _VOICE_GROUPS.items():
        container = parser.add_argument_group(title)
        for option in OPTIONS:
            if option.group == group:
                _add_option(container, option)


def _add_memo_options(parser: Parser, verb: str) -> None:
    from softphone.memo_config import VERBS
    from softphone.options import OPTIONS

    metavar, _, _ = _MEMO_VERBS[verb]
    parser.usage = f"{parser.prog} {metavar} [options]".replace("  ", " ")
    parser.add_argument("words", nargs="*", metavar=metavar or "", help=argparse.SUPPRESS)
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    for option in OPTIONS:
        if option.group == "memo" and option.name in ("folder", *VERBS[verb]):
            _add_option(parser, option)
    if "live" in VERBS[verb]:
        serve = parser.add_argument_group(_GROUP_TITLES["serve"])
        for option in OPTIONS:
            if option.group == "serve":
                _add_option(serve, option)


def _add_ladder_options(parser: Parser) -> None:
    from softphone.options import OPTIONS

    parser.add_argument(
        "trace", metavar="TRACE|CALL.pcap", help="what --trace wrote, or a pcap or pcapng file"
    )
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    for option in OPTIONS:
        if "ladder" in option.commands:
            _add_option(parser, option)


def _add_radio_options(parser: Parser) -> None:
    from softphone.options import OPTIONS

    parser.usage = _RADIO_USAGE
    parser.add_argument(
        "verb",
        nargs="?",
        choices=("compare", "turns", "idle"),
        help="compare: codecs on each technology; turns: two people taking turns, saving by saving; idle: a registration",
    )
    parser.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the technologies")
    what.add_argument("--show", metavar="NAME", help="the numbers of a technology, each with its source")
    for option in OPTIONS:
        if "radio" in option.commands:
            _add_option(parser, option)


def _add_option(container: argparse._ActionsContainer, option: "Option") -> None:
    # Absent unless given: only then can the file's word count. The value stays text for `Settings` to read.
    if not option.metavar:
        container.add_argument(
            f"--{option.name}", action="store_true", default=argparse.SUPPRESS, help=option.help
        )
        return
    if option.bare is not None:
        container.add_argument(
            f"--{option.name}",
            nargs="?",
            const=option.bare,
            metavar=option.metavar,
            default=argparse.SUPPRESS,
            help=option.help,
        )
        return
    container.add_argument(
        f"--{option.name}",
        action="append" if option.repeats else "store",
        metavar=option.metavar,
        default=argparse.SUPPRESS,
        help=option.help.replace("%", "%%"),
    )


def given_options(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the options that stood on the command line, by name."""
    from softphone.options import OPTIONS

    return {
        option.name: getattr(arguments, option.name.replace("-", "_"))
        for option in OPTIONS
        if hasattr(arguments, option.name.replace("-", "_"))
    }
