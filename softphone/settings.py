"""From a command line and a configuration file (TOML) to the dataclasses of `softphone.config`.

One table, `OPTIONS`, names each option once: the command line, the file and the help are made from it.
In the file an option stands without its dashes, in the table of its group or, for one command only, in
the table of that command:

    [media]
    codec = "opus:16000,pcmu"
    ptime = 60

    [answer]
    listen = "127.0.0.1:5070"

Command line goes before `[command]`, that before the account that was named (`[accounts.NAME]`), that before `[group]`, that
before the default. Values of a filter's parameters (`set`) go before each other one by one, by their path.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from softphone.config import (
    AnswerOptions,
    CallOptions,
    DemoOptions,
    FilterOptions,
    RadioOptions,
    RegisterOptions,
)
from softphone.control_config import ConsoleOptions, LiveOptions, RemoteOptions, ServeOptions
from softphone.errors import EnvironmentProblem, UsageError
from softphone.ladder_config import LadderOptions
from softphone.measure_config import CompareOptions, DecodeOptions, EncodeOptions, SweepOptions
from softphone.memo_config import (
    DeleteOptions,
    ExportOptions,
    HistoryOptions,
    ImportOptions,
    ListOptions,
    MeasureOptions,
    PlayOptions,
    RecordOptions,
    ShowOptions,
)
from softphone.options import GROUPS, OPTIONS, TABLES, Option
from softphone.score_config import ScoreOptions
from softphone.voice_config import AvqiOptions, DsiOptions, VoiceOptions

APART = ("score", "remote", "voice", "avqi", "dsi", "memo", "ladder")
"""Commands that take nothing from the tables of the groups: what `[media]` calls codec is another thing there."""
ALTERNATIVES = (
    ("play", "echo", "tone", "device"),
    ("password", "password-env", "password-keyring"),
    ("token", "token-env"),
    ("tls-cert", "tls-key", "tls-self-signed"),
    ("live", "realtime"),
)
"""Of each of these the last word counts: `--play` sets aside a `device` of the file."""
ACCOUNTS = "accounts"
"""The table of tables in the file, each with the options of one account."""
ADDING_UP = ("set", "set-in", "set-live")
"""What is given later is added to what was given earlier."""

_T = TypeVar(
    "_T",
    CallOptions, AnswerOptions, DemoOptions, FilterOptions, EncodeOptions, DecodeOptions, CompareOptions, SweepOptions,
    RadioOptions, ScoreOptions, LiveOptions, RemoteOptions, ConsoleOptions, VoiceOptions, AvqiOptions, DsiOptions,
    RecordOptions, ListOptions, ShowOptions, PlayOptions, DeleteOptions, ExportOptions, ImportOptions, MeasureOptions,
    HistoryOptions, RegisterOptions, LadderOptions,
)  # fmt: skip


@dataclass(slots=True)
class Settings:
    """Values given for one command: option name to (value, where it stood)."""

    command: str
    values: dict[str, tuple[object, str]] = field(default_factory=dict)
    earlier: list[tuple[str, object, str]] = field(default_factory=list)
    """(option, value, where it stood), of those that add up."""

    def add(self, values: Mapping[str, object], where: str) -> None:
        """Let *values* go before what was added earlier.

        Args:
            values: option name to a string or a value of TOML.
            where: prefix of the option's name in an error, like ``--``.
        """
        for names in ALTERNATIVES:
            if any(name in values for name in names):
                for name in names:
                    self.values.pop(name, None)
        for name in ADDING_UP:
            if name in values and name in self.values:
                self.earlier.append((name, *self.values[name]))
        self.values.update({name: (value, where + name) for name, value in values.items()})

    @property
    def password_is_open(self) -> bool:
        """Whether a password was given where others can read it."""
        return "password" in self.values

    @property
    def token_is_open(self) -> bool:
        """Whether a token was given where others can read it, by itself or in an address."""
        at, where = self.values.get("at", ("", ""))
        return "token" in self.values or (where.startswith("--") and "#token=" in str(at))

    def wants(self, name: str) -> bool:
        """Whether the switch *name* was given, and as true."""
        return self.values.get(name, (False,))[0] is True

    def apply(self, base: _T) -> _T:
        """Return *base* with what was given.

        Raises:
            UsageError: naming the option, where it stood, what was wanted and what was got.
        """
        names = {f.name for f in fields(base)}
        own: dict[str, Any] = {}
        groups: dict[str, dict[str, Any]] = {}
        for option in self._given():
            if option.group == "serve":
                if isinstance(base, FilterOptions):
                    self._check_stray(option, base)
            elif option.group in GROUPS:
                groups.setdefault(option.group, {})[option.field] = self._read(option)
            elif option.field in names:
                own[option.field] = self._read(option)
            else:
                self._check_stray(option, base)
        changed: dict[str, Any] = {
            name: replace(getattr(base, name), **given) for name, given in groups.items()
        }
        if isinstance(base, CallOptions | AnswerOptions | ConsoleOptions):
            changed["serve"] = self.serve(base.serve)
        return replace(base, **own, **changed)

    def serve(self, base: ServeOptions | None = None) -> ServeOptions | None:
        """Return what was said of the server: *base* with it; None where no server is wanted.

        Raises:
            UsageError: naming the option, what was wanted and what was got, or that there is no server it could be for.
        """
        wanted = base is not None or self.values.get("serve", (False,))[0] is not False
        given: dict[str, Any] = {}
        for option in self._given():
            if option.group != "serve":
                continue
            value, where = self.values[option.name]
            if not wanted and where.startswith("--"):
                raise UsageError(f"{where} is for --serve: give it, too")
            if wanted and value is not False:
                given[option.field] = self._read(option)
        return replace(base or ServeOptions(), **given) if wanted else None

    def _given(self) -> Iterator[Option]:
        for option in OPTIONS:
            if option.name in self.values and self.command in option.commands:
                yield option

    def _read(self, option: Option) -> Any:
        parts = [(value, where) for name, value, where in self.earlier if name == option.name]
        read: list[Any] = []
        for value, where in (*parts, self.values[option.name]):
            try:
                read.append(option.read(value))
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from None
        return sum(read, ()) if parts else read[0]

    def _check_stray(self, option: Option, base: object) -> None:
        """Refuse what was typed but is of another way to run the same command; the file may hold it for that way."""
        where = self.values[option.name][1]
        if option.name in ("live", "realtime") or not where.startswith("--"):
            return
        if isinstance(base, FilterOptions):
            raise UsageError(f"{where} is for what is heard as it runs: add --live or --realtime")
        raise UsageError(
            f"{where} is for files that are filtered at once: it does not go with --live or --realtime"
        )


def user_config_path() -> Path:
    """Where the user's own configuration file lies on this platform."""
    home = Path.home()
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")  # XDG base directory, 0.8
    return folder / "softphone" / "config.toml"


def load_settings(command: str, path: str | None, *, account: str | None = None) -> Settings:
    """Read what the file at *path*, else the user's own file if there is one, says about *command*.

    Args:
        command: whose options are wanted.
        path: of the file.
        account: the table of `[accounts]` that counts; None: the one the file names, if any.

    Raises:
        UsageError: no TOML, or a table or option nobody knows.
        EnvironmentProblem: the file cannot be read.
    """
    file = user_config_path() if path is None else Path(path)
    settings = Settings(command)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path is None and account is None:
            return settings
        raise UsageError(f"--config: no file {path}" if path else _no_account(account, (), file)) from None
    except OSError as error:
        raise EnvironmentProblem(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not TOML: {error}") from None
    _check_tables(tables, file)
    for group in (command,) if command in APART else (*GROUPS, command):
        values = tables.get(group, {})
        settings.add(
            {name: v for name, v in values.items() if _is_for(name, command)},
            f"{file} [{group}] ",
        )
        if group == "account":
            _add_account(settings, tables, account, file)
    return settings


def _add_account(settings: Settings, tables: Mapping[str, Any], account: str | None, file: Path) -> None:
    """Add the table of the account that is named on the command line, in the command's table or in `[account]`."""
    for table in (settings.command, "account"):
        account = tables.get(table, {}).get("account") if account is None else account
    if account is None or not any(settings.command in o.commands for o in OPTIONS if o.group == "account"):
        return
    accounts = tables.get(ACCOUNTS, {})
    if account not in accounts:
        raise UsageError(_no_account(account, tuple(accounts), file))
    settings.add(accounts[account], f"{file} [{ACCOUNTS}.{account}] ")


def _no_account(account: object, known: tuple[str, ...], file: Path) -> str:
    named = _nearest(str(account), known, "{!r}") if known else ", and no table [accounts.NAME] at all"
    return f"{file} has no account {str(account)!r}{named}"


def _is_for(name: str, command: str) -> bool:
    return any(option.name == name and command in option.commands for option in OPTIONS)


def _check_tables(tables: Mapping[str, Any], file: Path) -> None:
    """Refuse what nobody would ever read: most likely a slip of the pen."""
    known_tables = (*GROUPS, *TABLES, ACCOUNTS)
    accounts = tables.get(ACCOUNTS, {})
    if not isinstance(accounts, dict):
        raise UsageError(f"{file}: {ACCOUNTS} must be tables [{ACCOUNTS}.NAME], got {accounts!r}")
    named = {f"{ACCOUNTS}.{name}": values for name, values in accounts.items()}
    for table, values in {**tables, **named}.items():
        if table == ACCOUNTS:
            continue
        if table not in known_tables and table not in named:
            raise UsageError(f"{file}: no table [{table}]{_nearest(table, known_tables, '[{}]')}")
        if not isinstance(values, dict):
            raise UsageError(f"{file}: {table} must be a table [{table}], got {values!r}")
        known = [o.name for o in OPTIONS if table == o.group or table in o.commands]
        if table in named:
            known = [o.name for o in OPTIONS if o.group == "account" and o.name != "account"]
        for name in values:
            if name not in known:
                raise UsageError(f"{file} [{table}]: no option {name!r}{_nearest(name, known, '{!r}')}")


def _nearest(name: str, known: "list[str] | tuple[str, ...]", form: str) -> str:
    import difflib

    best = difflib.get_close_matches(name.replace("_", "-").lower(), known, n=1, cutoff=0.5)
    return f", the nearest is {form.format(best[0])}" if best else f"; known are {', '.join(known)}"
