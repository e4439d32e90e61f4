"""Accounts of the configuration file, and where their passwords come from."""

import logging
import sys
import types
from pathlib import Path

import pytest

from softphone.app.account import account_of, aor_of, credentials_of
from softphone.config import AccountOptions, CallOptions, RegisterOptions
from softphone.errors import UsageError
from softphone.settings import load_settings

URI = "sip:bob@127.0.0.1"
FILE = """
[account]
user = "nobody"
sip-t1-ms = 250
[accounts.office]
user = "alice"
auth-user = "alice-7"
registrar = "pbx.example.com"
expires = 120
password-env = "OFFICE_PASSWORD"
[accounts.home]
user = "ally"
registrar = "sips:home.example.net"
domain = "example.net"
"""


def account(tmp_path: Path, text: str, name: str | None, **given: object) -> AccountOptions:
    file = tmp_path / "config.toml"
    file.write_text(text)
    settings = load_settings("call", str(file), account=name)
    values = dict(given) if name is None else {"account": name, **given}
    settings.add({key.replace("_", "-"): value for key, value in values.items()}, "--")
    return settings.apply(CallOptions(URI)).account


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICE_PASSWORD", "s3cret")


def test_an_account_by_name_goes_before_the_table_of_all_and_behind_the_command_line(tmp_path: Path) -> None:
    got = account(tmp_path, FILE, "office", expires="600")
    assert (got.name, got.user, got.auth_user, got.registrar) == (
        "office",
        "alice",
        "alice-7",
        "pbx.example.com",
    )
    assert (got.expires_s, got.sip_t1_ms, got.password) == (600.0, 250, "s3cret")


def test_without_a_name_no_account_counts_and_its_password_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OFFICE_PASSWORD")
    got = account(tmp_path, FILE, None)
    assert (got.user, got.registrar, got.password) == ("nobody", None, None)
    with pytest.raises(UsageError, match="OFFICE_PASSWORD holds no password"):
        account(tmp_path, FILE, "office")


@pytest.mark.parametrize("table", ["call", "account"])
def test_the_file_may_name_the_account_that_counts(tmp_path: Path, table: str) -> None:
    text = FILE.replace("[account]\n", f'[{table}]\naccount = "home"\n[account]\n' if table == "call" else "")
    if table == "account":
        text = '[account]\naccount = "home"\n' + text.replace('user = "nobody"\nsip-t1-ms = 250\n', "")
    assert account(tmp_path, text, None).user == "ally"


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (FILE, "ofice", "has no account 'ofice', the nearest is 'office'"),
        ("", "office", "has no account 'office', and no table"),
        ("[accounts.a]\npassword-file = 'x'\n", "a", r"\[accounts.a\]: no option 'password-file'"),
        ("[accounts.a]\naccount = 'b'\n", "a", "no option 'account'"),
        ("accounts = 3\n", None, r"must be tables \[accounts.NAME\]"),
        ("[accounts]\na = 3\n", None, r"must be a table \[accounts.a\]"),
    ],
)
def test_what_is_wrong_with_accounts_is_one_line(
    tmp_path: Path, text: str, name: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        account(tmp_path, text, name)


def test_an_account_without_any_file_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(UsageError, match="has no account 'office'"):
        load_settings("call", None, account="office")


class Keyring(types.ModuleType):
    """In place of the library: one entry, or none that can be opened."""

    def __init__(self, *, locked: bool = False) -> None:
        super().__init__("keyring")
        self.errors = types.ModuleType("keyring.errors")
        self.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
        self.locked = locked

    def get_password(self, service: str, user: str) -> str | None:
        if self.locked:
            raise self.errors.KeyringError("it is locked")
        return {("softphone", "alice"): "from the ring", ("office", "alice-7"): "of the office"}.get(
            (service, user)
        )


def ring(monkeypatch: pytest.MonkeyPatch, keyring: Keyring | None) -> None:
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", None if keyring is None else keyring.errors)


@pytest.mark.parametrize(
    ("entry", "password"), [("alice", "from the ring"), ("office/alice-7", "of the office")]
)
def test_a_password_comes_from_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, password: str
) -> None:
    ring(monkeypatch, Keyring())
    text = FILE.replace('password-env = "OFFICE_PASSWORD"', f'password-keyring = "{entry}"')
    assert account(tmp_path, text, "office").password == password


@pytest.mark.parametrize(
    ("keyring", "entry", "said"),
    [
        (Keyring(), "bob", "no password for softphone/bob: `keyring set softphone bob`"),
        (Keyring(locked=True), "alice", "gives no password for softphone/alice: it is locked"),
        (None, "alice", r"pip install 'softphone\[keyring\]'"),
    ],
)
def test_a_keyring_that_gives_nothing_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyring: Keyring | None, entry: str, said: str
) -> None:
    ring(monkeypatch, keyring)
    with pytest.raises(UsageError, match=said):
        account(tmp_path, "", None, user="alice", password_keyring=entry)


def test_the_last_way_to_a_password_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring(monkeypatch, Keyring())
    assert account(tmp_path, FILE, "office", password_keyring="alice").password == "from the ring"
    assert account(tmp_path, FILE, "office", password="typed").password == "typed"


def test_a_password_is_in_no_text_of_what_holds_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    got = account(tmp_path, FILE, "office")
    texts = [repr(got), str(got), repr(CallOptions(URI, account=got)), repr(credentials_of(got)), caplog.text]
    assert all("s3cret" not in text for text in texts)


def test_a_password_in_an_address_is_refused_without_being_repeated(tmp_path: Path) -> None:
    for given in ({"registrar": "sip:alice:s3cret@pbx"}, {"contact": "sip:alice:s3cret@pbx"}):
        with pytest.raises(UsageError, match="must hold no password") as caught:
            account(tmp_path, "", None, user="alice", **given)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(UsageError, match="must hold no password"):
        RegisterOptions(uri="sip:alice:s3cret@pbx")


def test_who_registers_is_a_user_at_the_registrar_or_at_a_domain_of_its_own() -> None:
    assert str(aor_of(AccountOptions(user="a", registrar="pbx:5070")).uri) == "sip:a@pbx:5070"
    assert str(aor_of(AccountOptions(user="a", registrar="[::1]:5070")).uri) == "sip:a@[::1]:5070"
    got = AccountOptions(user="a", registrar="sips:sip.example.net;transport=tcp", domain="example.net")
    assert str(aor_of(got).uri) == "sips:a@example.net"
    with pytest.raises(UsageError, match="give --user, too"):
        aor_of(AccountOptions(auth_user="a", registrar="pbx"))


def test_the_address_to_register_names_user_domain_and_registrar() -> None:
    got = account_of("sip:alice@pbx.example.com:5070;transport=tcp", AccountOptions())
    assert (got.user, got.domain, got.registrar) == (
        "alice",
        "pbx.example.com:5070",
        "sip:pbx.example.com:5070;transport=tcp",
    )
    kept = account_of("sip:alice@example.com", AccountOptions(user="x", registrar="192.0.2.1"))
    assert (kept.user, kept.domain, kept.registrar) == ("alice", "example.com", "192.0.2.1")


@pytest.mark.parametrize("uri", ["sip:pbx.example.com", "alice", "tel:+4912", "sip:a b@pbx", ""])
def test_what_is_no_address_of_a_user_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="whom to register must be like sip:alice@"):
        RegisterOptions(uri=uri)


def test_a_registration_lasts_ten_seconds_at_least() -> None:
    with pytest.raises(UsageError, match="--expires must be 10 to"):
        AccountOptions(expires_s=9)
