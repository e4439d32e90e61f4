"""`softphone register` and `call --registrar`, against a registrar of our own."""

import json
import signal
import subprocess

import pytest
from support.command import COMMAND, Answering, softphone
from support.registrar import RunningRegistrar

pytestmark = pytest.mark.e2e

USERS = {"alice": "wonder", "bob": "builder"}


@pytest.fixture
def registrar():
    with RunningRegistrar(users=USERS, max_expires=60) as running:
        yield running


@pytest.fixture(autouse=True)
def _passwords(monkeypatch):
    monkeypatch.setenv("ALICE_PASSWORD", "wonder")
    monkeypatch.setenv("BOB_PASSWORD", "builder")


class Registered:
    """`softphone register --json`, from when the registrar has it to the end of its context."""

    def __init__(self, registrar, *arguments, user="alice"):
        self.command = [*COMMAND, "register", f"sip:{user}@{registrar.host}", "--json", *arguments]

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines = [self.process.stdout.readline() for _ in range(2)]
        self.listening, self.registered = [json.loads(line) for line in lines if line]
        return self

    interrupt = Answering.interrupt
    finish = Answering.finish
    __exit__ = Answering.__exit__


def test_a_registered_phone_is_called_through_its_registrar(registrar):
    arguments = ("--password-env", "ALICE_PASSWORD", "--tone", "440", "--calls", "1")
    with Registered(registrar, *arguments) as alice:
        assert alice.listening == {"event": "listening", "uri": f"sip:alice@{registrar.host}"}
        contact = alice.registered["contact"]
        assert alice.registered == {
            "event": "registered",
            "aor": f"sip:alice@{registrar.host}",
            "registrar": f"sip:{registrar.host}",
            "contact": contact,
            "contacts": [contact],
            "expires_s": 60,
        }
        assert registrar.core.contacts("alice") == [contact]
        status, result, err = softphone(
            "call", f"sip:alice@{registrar.host}", "--registrar", registrar.host, "--user", "bob",
            "--password-env", "BOB_PASSWORD", "--seconds", "1", "--tone", "660",
        )  # fmt: skip
        assert (status, result["outcome"]) == (0, "completed"), err
        assert (result["local"], result["peer"]) == (
            f"sip:bob@{registrar.host}",
            f"sip:alice@{registrar.host}",
        )
        status, (theirs, gone), err = alice.finish()
    assert (status, theirs["outcome"], theirs["peer"]) == (0, "completed", f"sip:bob@{registrar.host}"), err
    assert gone == {"event": "unregistered", "aor": f"sip:alice@{registrar.host}", "told": True}
    assert registrar.core.contacts("alice") == registrar.core.contacts("bob") == []
    # Each was challenged once; the nonce then served its INVITE and its leaving, too.
    assert registrar.core.statuses() == [401, 200, 401, 200, 200, 200]


def test_ctrl_c_takes_the_registration_back(registrar):
    with Registered(registrar, "--password-env", "ALICE_PASSWORD") as alice:
        assert len(registrar.core.contacts("alice")) == 1
        alice.interrupt()
        status, events, err = alice.finish(timeout_s=10)
    assert (status, [event["event"] for event in events]) == (0, ["unregistered"]), err
    assert registrar.core.contacts("alice") == []


@pytest.mark.parametrize(
    ("password", "status", "said"),
    [
        ("guess", 4, "refused alice: 403 Said; check user, auth-user and password"),
        (None, 4, "wants a password: 401 Said; give --password-env"),
    ],
)
def test_a_registrar_that_does_not_want_us_is_status_4(registrar, password, status, said):
    given = () if password is None else ("--password", password)
    for command in (("register", f"sip:alice@{registrar.host}"), ("call", "sip:bob@x", "--user", "alice")):
        more = ("--registrar", registrar.host) if command[0] == "call" else ()
        done = subprocess.run(
            [*COMMAND, *command, *more, *given, "--json"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == status
        assert said in json.loads(done.stdout.splitlines()[-1])["error"]
        assert "guess" not in done.stdout + done.stderr
    assert "INVITE" not in str(registrar.core.registers)


def test_a_registrar_that_is_not_there_is_status_3():
    with RunningRegistrar() as gone:
        pass
    status, error, _ = softphone("call", "sip:bob@x", "--user", "alice", "--registrar", gone.host)
    assert status == 3
    assert "cannot be reached" in error["error"]


def test_a_registrar_that_says_nothing_is_given_up_after_its_time():
    with RunningRegistrar(answers=[None] * 20) as silent:
        arguments = ("--user", "alice", "--registrar", silent.host, "--sip-t1-ms", "20")
        status, error, _ = softphone("call", "sip:bob@x", *arguments)
    assert status == 3
    assert "408 Request Timeout" in error["error"]


def test_a_registrar_that_fails_later_is_told_and_tried_again():
    answers = [(0, {}), (503, {"Retry-After": "1"})]
    with RunningRegistrar(max_expires=2, answers=answers) as registrar, Registered(registrar) as alice:
        lines = [json.loads(alice.process.stdout.readline()) for _ in range(2)]
        alice.interrupt()
        status, _, err = alice.finish(timeout_s=10)
    failed, again = lines
    assert failed == {
        "event": "registration-failed",
        "aor": f"sip:alice@{registrar.host}",
        "status": 503,
        "reason": "Said",
        "retry_in_s": 1.0,
    }
    assert (again["event"], status) == ("registered", 0)
    assert f"registration at {registrar.core.address[0]} failed: 503 Said; tried again in 1 s" in err


def test_an_account_of_the_file_registers(registrar, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[accounts.work]\nuser = "alice"\nregistrar = "{registrar.host}"\n'
        'password-env = "ALICE_PASSWORD"\nexpires = 30\n'
    )
    status, result, err = softphone(
        "call", f"sip:nobody@{registrar.host}", "--account", "work", "--config", str(config)
    )
    assert (status, result["sip_status"], result["local"]) == (4, 404, f"sip:alice@{registrar.host}"), err
    (asked, gone) = [m for _, m, status in registrar.core.registers if status == 200]
    assert [m.contact.params["expires"] for m in (asked, gone)] == ["30", "0"]


def test_the_console_is_registered_while_it_runs(registrar, tmp_path):
    command = [
        *COMMAND, "console", "--listen", "127.0.0.1:0", "--serve", "127.0.0.1:0", "--out", str(tmp_path / "calls"),
        "--memos", str(tmp_path / "memos"), "--registrar", registrar.host, "--user", "alice",
        "--password-env", "ALICE_PASSWORD", "--json",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as console:
        registrar.wait_for(lambda core: core.contacts("alice"), timeout_s=20)
        console.send_signal(signal.SIGINT)
        out, err = console.communicate(timeout=15)
    assert console.returncode == 0, err
    assert [json.loads(line)["event"] for line in out.splitlines()][-2:] == ["registered", "unregistered"]
    assert registrar.core.contacts("alice") == []


def test_a_password_is_in_nothing_that_is_printed_however_much_is(registrar, tmp_path):
    trace = tmp_path / "trace.txt"
    done = subprocess.run(
        [*COMMAND, "call", f"sip:nobody@{registrar.host}", "--registrar", registrar.host, "--user", "alice",
         "--password-env", "ALICE_PASSWORD", "-vv", "--json", "--trace", str(trace)],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    written = "".join(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir())
    assert "REGISTER" in written
    assert "wonder" not in done.stdout + done.stderr + written
