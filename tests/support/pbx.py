"""A PBX and a proxy of the real world on loopback, each configured and started for one test run: Asterisk and kamailio.

Asterisk is in no current Debian: `tools/make_asterisk.sh FOLDER` unpacks an older one, and SOFTPHONE_ASTERISK names that folder.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from support.peers import HOST, Peer, free_port_range

REALM = "softphone.test"
USERS = {
    "alice": "secret of alice",
    "bob": "secret of bob",
    "carol": "secret of carol",
    "dave": "secret of dave",
}
"""alice and bob: any codec; carol: SRTP with keys in SDP; dave: DTLS-SRTP."""

_ASTERISK = """\
[directories](!)
astetcdir => {folder}
astmoddir => {modules}
astvarlibdir => /var/lib/asterisk
astdbdir => {folder}
astkeydir => /var/lib/asterisk
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {folder}
astrundir => {folder}
astlogdir => {folder}
[directories]({bang})
[options]
runuser = root
rungroup = root
"""
_MODULES = """\
[modules]
autoload=yes
noload => chan_sip.so
noload => chan_iax2.so
noload => chan_skinny.so
noload => chan_mgcp.so
noload => chan_unistim.so
noload => chan_oss.so
noload => chan_alsa.so
noload => chan_console.so
noload => chan_dahdi.so
noload => pbx_dundi.so
noload => pbx_ael.so
noload => pbx_lua.so
noload => cdr_odbc.so
noload => cel_odbc.so
noload => res_config_odbc.so
noload => res_odbc.so
noload => res_hep.so
noload => res_xmpp.so
noload => res_phoneprov.so
noload => app_voicemail_imap.so
noload => app_voicemail_odbc.so
"""
_TRANSPORTS = """\
[global]
type=global
user_agent=asterisk
[udp]
type=transport
protocol=udp
bind={host}:{port}
[tcp]
type=transport
protocol=tcp
bind={host}:{port}
[tls]
type=transport
protocol=tls
bind={host}:{tls_port}
cert_file={folder}/pbx.crt
priv_key_file={folder}/pbx.key
method=tlsv1_2
"""
_ENDPOINT = """\
[{user}]
type=endpoint
context=calls
disallow=all
allow=opus,g722,ulaw,alaw
auth={user}
aors={user}
direct_media=no
rtp_symmetric=yes
force_rport=yes
rewrite_contact=yes
dtmf_mode=rfc4733
100rel=yes
timers=yes
timers_min_se=90
{more}
[{user}]
type=auth
auth_type=userpass
username={user}
password={password}
[{user}]
type=aor
max_contacts=3
minimum_expiration=10
remove_existing=no
"""
_MORE = {
    "carol": "media_encryption=sdes",
    "dave": "media_encryption=dtls\ndtls_cert_file={folder}/pbx.crt\ndtls_private_key={folder}/pbx.key\n"
    "dtls_verify=fingerprint\ndtls_setup=actpass\nrtcp_mux=no",
}
# What a caller reaches: an echo; a tone of 1004 Hz; digits, said back as digits; a tone before the answer; busy; the others.
_EXTENSIONS = """\
[general]
static=yes
[calls]
exten => echo,1,Answer()
 same => n,Echo()
exten => tone,1,Answer()
 same => n,Milliwatt()
exten => digits,1,Answer()
 same => n,Wait(0.5)
 same => n,Read(GOT,,4,,1,8)
 same => n,SendDTMF(${GOT})
 same => n,Wait(1)
 same => n,Hangup()
exten => early,1,Progress()
 same => n,Playtones(440)
 same => n,Wait(2)
 same => n,StopPlaytones()
 same => n,Answer()
 same => n,Echo()
exten => busy,1,Hangup(17)
exten => nobody,1,Hangup(1)
exten => ringing,1,Ringing()
 same => n,Wait(60)
exten => short,1,Answer()
 same => n,Wait(2)
 same => n,Hangup()
exten => _[a-d]!,1,Dial(PJSIP/${EXTEN},20)
"""


def asterisk_missing() -> str | None:
    """Why a test with Asterisk must be skipped, or None."""
    root = os.environ.get("SOFTPHONE_ASTERISK")
    if root and (Path(root) / "usr/sbin/asterisk").exists():
        return None if os.geteuid() == 0 else "Asterisk in a folder of its own needs root (chroot)"
    return "SOFTPHONE_ASTERISK names no Asterisk: see tools/make_asterisk.sh"


class Asterisk(Peer):
    """Asterisk with the users of USERS: UDP and TCP at `port`, TLS at `tls_port`."""

    name = "asterisk"

    def __init__(self) -> None:
        super().__init__()
        self._root = Path(os.environ["SOFTPHONE_ASTERISK"])
        inside = Path(tempfile.mkdtemp(prefix="softphone-", dir=self._root / "tmp"))
        self._inside = inside
        folder = f"/tmp/{inside.name}"
        self._config = f"{folder}/asterisk.conf"
        self.tls_port = self.port + 1
        modules = next((self._root / "usr/lib").glob("**/asterisk/modules"))
        rtp_low = free_port_range(60)
        names = {
            "folder": folder,
            "host": HOST,
            "port": self.port,
            "tls_port": self.tls_port,
            "modules": f"/{modules.relative_to(self._root)}",
            "bang": "",
        }
        self.certificate = inside / "pbx.crt"
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                ),
                *("-keyout", str(inside / "pbx.key"), "-out", str(self.certificate), "-days", "2"),
                *("-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}"),
            ],
            check=True,
            capture_output=True,
        )
        endpoints = "".join(
            _ENDPOINT.format(user=user, password=password, more=_MORE.get(user, "").format(**names))
            for user, password in USERS.items()
        )
        files = {
            "asterisk.conf": _ASTERISK.format(**names).replace("[directories]()\n", "").replace("(!)", ""),
            "modules.conf": _MODULES,
            "pjsip.conf": _TRANSPORTS.format(**names) + endpoints,
            "extensions.conf": _EXTENSIONS,
            "rtp.conf": f"[general]\nrtpstart={rtp_low}\nrtpend={rtp_low + 59}\nstrictrtp=yes\n",
            "logger.conf": "[general]\n[logfiles]\nfull => notice,warning,error,verbose,dtmf\n",
            "http.conf": "[general]\nenabled=no\n",
            "manager.conf": "[general]\nenabled=no\n",
        }
        for file, text in files.items():
            (inside / file).write_text(text)

    def command(self) -> list[str]:
        """Return the command line."""
        return ["chroot", str(self._root), "asterisk", "-C", self._config, "-f", "-n"]

    def ready(self) -> None:
        """Wait until its own command line says that it runs."""
        end = time.monotonic() + 30
        while "uptime" not in self.say("core show uptime").lower():
            if time.monotonic() > end:
                raise AssertionError(f"Asterisk is not ready:\n{self.log}")
            time.sleep(0.2)
        self.say("core waitfullybooted")

    def say(self, command: str) -> str:
        """Run a command of Asterisk's own and return what it prints."""
        done = subprocess.run(
            ["chroot", str(self._root), "asterisk", "-C", self._config, "-rx", command],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout

    def extension(self, name: str, *, tls: bool = False) -> str:
        """The URI of an extension."""
        return f"sip:{name}@{HOST}:{self.tls_port};transport=tls" if tls else f"sip:{name}@{HOST}:{self.port}"

    def stop(self) -> None:
        """Ask it to end."""
        self.say("core stop now")
        super().stop()
        shutil.rmtree(self._inside, ignore_errors=True)


_KAMAILIO = """\
#!KAMAILIO
debug=1
log_stderror=yes
memdbg=5
memlog=5
children=2
tcp_children=2
auto_aliases=no
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
alias="{realm}"
mpath="{modules}"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
modparam("rr", "enable_full_lr", 0)
modparam("rr", "append_fromtag", 1)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "min_expires", 20)
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 30000)
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
    sl_send_reply("404", "Not Here"); exit;
  }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  t_check_trans();
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("{realm}", "{password}", "0")) {{ www_challenge("{realm}", "1"); exit; }}
    if (!save("location")) sl_reply_error();
    exit;
  }}
  if (is_method("INVITE")) {{
    if (!pv_proxy_authenticate("{realm}", "{password}", "0")) {{ proxy_challenge("{realm}", "1"); exit; }}
    consume_credentials();
  }}
  record_route();
  if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
  t_relay();
  exit;
}}
"""


class Kamailio(Peer):
    """kamailio as registrar and proxy with Record-Route, over UDP and TCP; every user has the same password."""

    name = "kamailio"
    password = "secret of all"

    def __init__(self) -> None:
        super().__init__()
        modules = next(Path("/usr/lib").glob("**/kamailio/modules"))
        config = _KAMAILIO.format(
            host=HOST, port=self.port, realm=REALM, modules=modules, password=self.password
        )
        (self.folder / "kamailio.cfg").write_text(config)

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            *("kamailio", "-DD", "-E", "-f", str(self.folder / "kamailio.cfg")),
            *("-w", str(self.folder), "-Y", str(self.folder), "-m", "16", "-M", "4"),
        ]

    def ready(self) -> None:
        """Wait until it answers OPTIONS-like traffic: its TCP port is open last."""
        import socket

        end = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            if time.monotonic() > end or self._running().poll() is not None:
                raise AssertionError(f"kamailio is not ready:\n{self.log}")
            time.sleep(0.05)
