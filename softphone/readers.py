"""What a command line or a configuration file gives, read into the values of options.

Each reader takes a string, as typed, or a value of TOML, and raises `UsageError` saying what was wanted and what was got.
"""

import os
from collections.abc import Iterator

from softphone.config import Address, CodecChoice
from softphone.errors import UsageError
from softphone.serve_config import OSC_ADDRESS, SERVE_ADDRESS

KEYRING_SERVICE = "softphone"
_SIP_ADDRESS = ("127.0.0.1", 5060)
"""RFC 3261 section 19.1.2, default port."""


def as_text(value: object) -> str:
    """Any text but none."""
    if not isinstance(value, str) or not value:
        raise UsageError(f"wanted text, got {value!r}")
    return value


def as_flag(value: object) -> bool:
    """True or false, as a switch is given."""
    if not isinstance(value, bool):
        raise UsageError(f"wanted true or false, got {value!r}")
    return value


def as_whole(value: object) -> int:
    """A whole number."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise UsageError(f"wanted a whole number, got {value!r}")


def as_number(value: object) -> float:
    """A number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise UsageError(f"wanted a number, got {value!r}")


def as_codecs(value: object) -> tuple[CodecChoice, ...]:
    """Codecs as `CodecChoice.parse` reads them, with commas between them."""
    parts = value if isinstance(value, list) else as_text(value).split(",")
    return tuple(CodecChoice.parse(as_text(part)) for part in parts)


def as_names(value: object) -> tuple[str, ...]:
    """Names with commas between them."""
    parts = value if isinstance(value, list) else as_text(value).split(",")
    return tuple(as_text(part).strip() for part in parts)


def as_files(value: object) -> tuple[str, ...]:
    """One file or a list of them."""
    return tuple(as_text(part) for part in (value if isinstance(value, list) else [value]))


def as_wholes(value: object) -> tuple[int, ...]:
    """Whole numbers with commas between them."""
    parts = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [value]
    return tuple(as_whole(part) for part in parts)


def as_numbers(value: object) -> tuple[float, ...]:
    """Numbers with commas between them."""
    parts = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [value]
    return tuple(as_number(part) for part in parts)


def as_gains(value: object) -> tuple[tuple[float, float], ...]:
    """`HZ:DB` pairs with commas between them."""
    parts = value if isinstance(value, list) else as_text(value).split(",")
    pairs = [as_text(part).partition(":") for part in parts]
    if not all(colon for _, colon, _ in pairs):
        raise UsageError(f"wanted HZ:DB pairs, as 250:-3,2000:6, got {value!r}")
    return tuple((as_number(frequency.strip()), as_number(gain.strip())) for frequency, _, gain in pairs)


def as_words(value: object) -> tuple[str, ...]:
    """Words with commas between them, in capitals."""
    parts = value if isinstance(value, list) else as_text(value).split(",")
    return tuple(as_text(part).strip().upper() for part in parts)


def as_word(value: object) -> str:
    """A word, in small letters."""
    return as_text(value).strip().lower()


def as_ports(value: object) -> tuple[int, int]:
    """Lowest and highest port."""
    low, dash, high = as_text(value).partition("-")
    if not dash:
        raise UsageError(f"wanted two ports as LOW-HIGH, got {value!r}")
    return as_whole(low), as_whole(high)


def as_address(value: object) -> Address:
    """Read `HOST:PORT`, `HOST`, `:PORT` or `[IPv6]:PORT`."""
    text = as_text(value)
    address = _host_and_port(text, _SIP_ADDRESS)
    if address is None:
        raise UsageError(f"wanted HOST:PORT, got {text!r}")
    return address


def as_serve_address(value: object) -> Address:
    """Read `PORT`, `HOST`, `HOST:PORT` or `[IPv6]:PORT`; true, or nothing behind the option, is the usual address."""
    return _address_near(value, SERVE_ADDRESS)


def as_osc_address(value: object) -> Address:
    """As `as_serve_address`, for Open Sound Control."""
    return _address_near(value, OSC_ADDRESS)


def _address_near(value: object, usual: Address) -> Address:
    if value is True or value == "":
        return usual
    if isinstance(value, int) and not isinstance(value, bool):
        return usual[0], value
    text = as_text(value)
    if text.isascii() and text.isdigit():
        return usual[0], int(text)
    address = _host_and_port(text, usual)
    if address is None or set(address[0]) & set(" /@"):
        raise UsageError(f"wanted PORT, HOST or HOST:PORT, got {text!r}")
    return address


def _host_and_port(text: str, usual: Address) -> Address | None:
    """Read `HOST:PORT`, `HOST`, `:PORT` or `[IPv6]:PORT`, what is left out as in *usual*; None: it is none of these."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        host, port = text, str(usual[1])
    if not (port.isascii() and port.isdigit()) or host.startswith("[") != host.endswith("]"):
        return None
    return host.removeprefix("[").removesuffix("]") or usual[0], int(port)


def as_headers(value: object) -> tuple[tuple[str, str], ...]:
    """SIP header fields, name and value."""
    lines = value if isinstance(value, list) else [value]
    pairs = []
    for line in lines:
        name, colon, text = as_text(line).partition(":")
        if not colon:
            raise UsageError(f"wanted 'Name: value', got {line!r}")
        pairs.append((name.strip(), text.strip()))
    return tuple(pairs)


def as_changes(value: object) -> tuple[tuple[str, str], ...]:
    """Values by their path: `PATH=VALUE`, a list of these, or a table of TOML, in which paths may be nested."""
    if isinstance(value, dict):
        return tuple(_flat(value, ""))
    pairs: list[tuple[str, str]] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            pairs += _flat(each, "")
            continue
        path, sign, text = as_text(each).partition("=")
        if not sign or not path.strip():
            raise UsageError(f"wanted PATH=VALUE, as low-cut.freq_hz=200, got {each!r}")
        pairs.append((path.strip(), text.strip()))
    return tuple(pairs)


def _flat(table: dict[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _as_typed(value)


def _as_typed(value: object) -> str:
    """A value of TOML as it would stand behind `--set PATH=`."""
    match value:
        case bool():
            return "on" if value else "off"
        case int() | float():
            return repr(value)
        case str():
            return value
        case list():
            return ",".join(
                ":".join(map(_as_typed, each)) if isinstance(each, list) else _as_typed(each)
                for each in value
            )
        case _:
            raise UsageError(f"wanted a number, text, true, false or a list, got {value!r}")


def as_digits(value: object) -> str:
    """DTMF digits."""
    return (str(value) if isinstance(value, int) and not isinstance(value, bool) else as_text(value)).upper()


def as_password_of(value: object) -> str:
    """The password in the environment variable of that name."""
    return _in_environment(value, "password")


def as_password_in_keyring(value: object) -> str:
    """The password that the system's keyring has for `USER` of the service softphone, or for `SERVICE/USER`."""
    service, slash, user = as_text(value).rpartition("/")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise UsageError("the keyring needs a library: pip install 'softphone[keyring]'") from None
    service = service if slash else KEYRING_SERVICE
    try:
        found = keyring.get_password(service, user)
    except KeyringError as error:
        raise UsageError(f"the keyring gives no password for {service}/{user}: {error}") from None
    if not found:
        raise UsageError(f"the keyring has no password for {service}/{user}: `keyring set {service} {user}`")
    return found


def as_token_of(value: object) -> str:
    """The token in the environment variable of that name."""
    return _in_environment(value, "token")


def _in_environment(value: object, what: str) -> str:
    name = as_text(value)
    found = os.environ.get(name)
    if not found:
        raise UsageError(f"environment variable {name} holds no {what}: set it")
    return found
