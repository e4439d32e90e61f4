"""TLS of the control port: given certificates, made ones, and clients that check them."""

import asyncio
import datetime
import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.control_bench import TOKEN, Wire, fetch, joined, run, serving, status

from softphone.control.client import AsyncClient, RemoteError, connect_async
from softphone.errors import EnvironmentProblem, UnreachableError, UsageError
from softphone.io.child_process import child_environment
from softphone.io.control.door import MAX_PENDING_PER_ADDRESS
from softphone.io.control.tickets import Tickets
from softphone.io.control.tls import CERT_NAME, KEY_NAME, given_identity, self_signed_identity

pytest.importorskip("cryptography", reason="the extra tls is not installed")
NOW = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a certificate made today lies."""
    made = tmp_path_factory.mktemp("tls")
    self_signed_identity(made, ["127.0.0.1", "studio.local"])
    return made


def test_a_made_certificate_is_for_the_names_asked_for_and_nobody_else_reads_its_key(tmp_path: Path) -> None:
    from cryptography import x509

    identity = self_signed_identity(tmp_path / "tls", ["192.0.2.1", "[2001:db8::1]", "studio.local"], now=NOW)
    made = x509.load_pem_x509_certificate((tmp_path / "tls" / CERT_NAME).read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "studio.local"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == [
        "127.0.0.1",
        "::1",
        "192.0.2.1",
        "2001:db8::1",
    ]
    assert made.public_key().curve.name == "secp256r1"
    assert made.not_valid_after_utc - NOW == datetime.timedelta(days=365)
    assert identity.is_self_signed
    assert identity.warnings == ()
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "tls" / KEY_NAME).stat().st_mode) == 0o600
    assert not [*tmp_path.glob("**/*.part")]


def test_it_is_kept_until_thirty_days_before_its_end(tmp_path: Path) -> None:
    first = self_signed_identity(tmp_path, [], now=NOW)
    later = self_signed_identity(tmp_path, [], now=NOW + datetime.timedelta(days=334))
    assert later.fingerprint == first.fingerprint
    renewed = self_signed_identity(tmp_path, [], now=NOW + datetime.timedelta(days=336))
    assert renewed.fingerprint != first.fingerprint


def test_it_is_made_anew_for_a_host_that_is_not_in_it_or_where_it_is_broken(tmp_path: Path) -> None:
    first = self_signed_identity(tmp_path, ["127.0.0.1"], now=NOW)
    second = self_signed_identity(tmp_path, ["192.0.2.9"], now=NOW)
    assert second.fingerprint != first.fingerprint
    (tmp_path / KEY_NAME).write_text("broken")
    third = self_signed_identity(tmp_path, ["192.0.2.9"], now=NOW)
    assert third.fingerprint != second.fingerprint


def test_how_to_accept_it_names_the_fingerprint(folder: Path) -> None:
    identity = self_signed_identity(folder, ["studio.local"])
    words = identity.how_to_accept("https://192.0.2.1:8765/")
    assert identity.fingerprint in words
    assert len(identity.fingerprint) == 32 * 3 - 1


def test_files_that_will_not_do_are_told_in_one_line(folder: Path, tmp_path: Path) -> None:
    cert, key = str(folder / CERT_NAME), str(folder / KEY_NAME)
    self_signed_identity(tmp_path, [])
    (tmp_path / "text.pem").write_text("no certificate")
    broken = tmp_path / "broken.pem"
    broken.write_text((folder / CERT_NAME).read_text().replace("M", "A", 20))
    for given, words in (
        ((str(tmp_path / "none.pem"), key), r"--tls-cert .*none.pem cannot be read"),
        ((cert, str(tmp_path / "none.pem")), r"--tls-key .*none.pem cannot be read"),
        ((str(tmp_path / "text.pem"), key), r"holds no certificate: wanted PEM"),
        ((cert, None), r"holds no key: give its key with --tls-key"),
        ((cert, str(tmp_path / "text.pem")), r"--tls-key .* holds no key"),
        ((cert, str(tmp_path / KEY_NAME)), r"is not the key of --tls-cert"),
        ((str(broken), key), r"cannot be used|cannot be read"),
    ):
        with pytest.raises(UsageError, match=words) as raised:
            given_identity(*given)
        assert "\n" not in str(raised.value)


def test_a_key_with_a_password_is_refused_without_asking_for_it(folder: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((folder / KEY_NAME).read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(UsageError, match=r"has a password"):
        given_identity(str(folder / CERT_NAME), str(locked))


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_key_that_others_can_read_is_warned_of(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes((folder / KEY_NAME).read_bytes())
    key.chmod(0o644)
    assert "chmod 600" in given_identity(str(folder / CERT_NAME), str(key)).warnings[0]
    key.chmod(0o600)
    assert given_identity(str(folder / CERT_NAME), str(key)).warnings == ()


def secure(folder: Path) -> dict[str, str]:
    return {"tls_cert": str(folder / CERT_NAME), "tls_key": str(folder / KEY_NAME)}


def test_the_page_and_the_protocol_are_served_over_tls(folder: Path, tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path, **secure(folder)) as server:
            assert server.urls[0].startswith("https://")
            context = ssl.create_default_context(cafile=str(folder / CERT_NAME))
            wire = await Wire.open(server, ssl=context, server_hostname="127.0.0.1")
            assert status(await wire.upgrade(server, Origin=f"https://127.0.0.1:{server.address[1]}")) == 101
            wire.say({"id": 0, "op": "hello", "token": TOKEN})
            assert (await wire.reply(0))["ok"]
            assert (await wire.ask("set", path="low-cut.freq_hz", value=210))["ok"]
            await wire.close()
            wire = await Wire.open(server, ssl=context, server_hostname="127.0.0.1")
            wire.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert status(await wire.rest()) == 200
            await wire.close()

    run(work)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_and_no_tls_are_refused_and_others_are_served(folder: Path, tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path, **secure(folder)) as server:
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname = False
            old.verify_mode = ssl.CERT_NONE
            old.set_ciphers("DEFAULT@SECLEVEL=0")
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await Wire.open(server, ssl=old, server_hostname="127.0.0.1")
            assert await fetch(server) == b""
            assert server.stats.tls_failures == 2
            context = ssl.create_default_context(cafile=str(folder / CERT_NAME))
            wire = await Wire.open(server, ssl=context, server_hostname="localhost")
            await wire.close()

    run(work)


def test_handshakes_that_are_never_finished_keep_nobody_out(folder: Path, tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path, **secure(folder)) as server:
            idle = [await Wire.open(server) for _ in range(100)]
            async with await connect_async(
                server.urls[0],
                token=TOKEN,
                fingerprint=server.identity.fingerprint if server.identity else "",
            ) as client:
                assert await client.ask("ping") == {}
            assert len(server._door.pending) <= MAX_PENDING_PER_ADDRESS
            for wire in idle:
                await wire.close()

    run(work)


def test_a_client_trusts_the_one_fingerprint_and_tells_another_nothing(folder: Path, tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path, **secure(folder)) as server:
            assert server.identity is not None
            at = f"127.0.0.1:{server.address[1]}"
            pin = server.identity.fingerprint
            async with await connect_async(
                at, token=TOKEN, fingerprint=pin.lower().replace(":", "")
            ) as client:
                assert client.welcome["role"] == "control"
            with pytest.raises(UnreachableError, match=r"another certificate"):
                await connect_async(at, token=TOKEN, fingerprint="00" * 32)
            with pytest.raises(UnreachableError, match=r"not trusted"):
                await connect_async(server.urls[0], token=TOKEN)
            assert server.stats.joined == 1
            context = ssl.create_default_context(cafile=str(folder / CERT_NAME))
            async with await connect_async(at, token=TOKEN, tls=context) as client:
                assert isinstance(client, AsyncClient)

    run(work)


def test_a_made_certificate_serves_at_once_and_says_how_to_accept_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path, tls_self_signed=True, tls_folder=tmp_path / "tls") as server:
            assert server.identity is not None
            assert any(server.identity.fingerprint in line for line in server.notices)
            async with await connect_async(
                server.pairing_url("view"), fingerprint=server.identity.fingerprint
            ) as client:
                with pytest.raises(RemoteError) as raised:
                    await client.set("low-cut.freq_hz", 100)
                assert raised.value.code == "forbidden"

    run(work)


def test_the_port_stays_plain_without_tls(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            with pytest.raises(UnreachableError, match=r"does it speak TLS"):
                await connect_async(f"https://127.0.0.1:{server.address[1]}/", token=TOKEN)
            wire = await joined(server)
            await wire.close()
            await asyncio.sleep(0)

    run(work)


def test_codes_and_long_files_arrive_whole_over_tls(folder: Path, tmp_path: Path) -> None:
    files = Tickets()
    data = bytes(range(256)) * 8000
    sound = tmp_path / "long.wav"
    sound.write_bytes(data)

    async def work() -> None:
        async with serving(tmp_path, files=files, **secure(folder)) as server:
            context = ssl.create_default_context(cafile=str(folder / CERT_NAME))
            wire = await Wire.open(server, ssl=context, server_hostname="127.0.0.1")
            await wire.upgrade(server)
            wire.say({"id": 1, "op": "hello", "token": "wrong-token"})
            assert (await wire.reply(1))["error"]["code"] == "unauthorized"
            assert await wire.close_code() == 4401
            await wire.close()
            wire = await Wire.open(server, ssl=context, server_hostname="127.0.0.1", limit=1024)
            wire.send(
                f"GET {files.issue(sound, 'audio/wav', name='l.wav')} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            assert (await wire.rest()).endswith(b"\r\n\r\n" + data)
            await wire.close()

    run(work)


def test_the_process_that_serves_does_not_load_the_library_that_makes_certificates(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from softphone.io.control.tls import self_signed_identity;"
        "self_signed_identity(pathlib.Path(sys.argv[1]), ['192.0.2.1']);"
        "sys.exit('cryptography' in sys.modules)"
    )
    command = [sys.executable, "-P", "-c", script, str(tmp_path)]
    assert subprocess.run(command, env=child_environment(), timeout=60, check=False).returncode == 0
    assert (tmp_path / CERT_NAME).exists()


def test_a_certificate_that_cannot_be_made_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(EnvironmentProblem, match=r"keeps its certificate in .*file, which cannot be written"):
        self_signed_identity(blocked, ["127.0.0.1"])
    missing = tmp_path / "cryptography"
    missing.mkdir()
    (missing / "__init__.py").write_text("raise ImportError('not here')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EnvironmentProblem, match=r'needs cryptography .*pip install "softphone\[tls\]"'):
        self_signed_identity(tmp_path / "tls", ["127.0.0.1"])
    monkeypatch.setattr("softphone.io.control.certificate._CHILD", "softphone.no_such_module")
    with pytest.raises(EnvironmentProblem, match="gave no answer; give one with --tls-cert"):
        self_signed_identity(tmp_path / "tls", ["127.0.0.1"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(EnvironmentProblem, match="cannot be started"):
        self_signed_identity(tmp_path / "tls", ["127.0.0.1"])
