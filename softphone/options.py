"""The table of options: each stands here once, and the command line, the file and the help are made from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softphone.readers import (
    as_address,
    as_changes,
    as_codecs,
    as_digits,
    as_files,
    as_flag,
    as_gains,
    as_headers,
    as_names,
    as_number,
    as_numbers,
    as_osc_address,
    as_password_of,
    as_ports,
    as_serve_address,
    as_text,
    as_token_of,
    as_whole,
    as_wholes,
    as_word,
    as_words,
)
from softphone.voice_config import as_sex

_CALLS = ("demo", "answer", "call", "console")
_SIDES = ("answer", "call", "console")
GROUPS = {
    "audio": _SIDES,
    "media": _CALLS,
    "line": _CALLS,
    "account": _SIDES,
    "serve": ("filter", "memo", *_SIDES),
}
"""Options that several commands share, each a dataclass and a table of its own, with those commands."""
TABLES = (
    *("demo", "answer", "call", "filter", "encode", "decode", "compare", "sweep", "radio", "score"),
    *("console", "remote"),
    *("voice", "avqi", "dsi"),
    "memo",
)
"""Commands that have a table of their own in the file."""
LISTED = ("opus-library",)
"""Of the media options, what `codec list` takes, too."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option, wherever it is given."""

    name: str
    """As on the command line, without dashes."""
    group: str
    """One of `GROUPS`, or the commands it is for, joined by blanks."""
    field: str
    """Of the dataclass."""
    read: Callable[[object], Any]
    """From a string of the command line or a value of TOML; raises UsageError saying what was wanted."""
    metavar: str
    """Empty for a switch."""
    help: str
    repeats: bool = False
    bare: str | None = None
    """What it means without a value; None: it wants one."""

    @property
    def commands(self) -> tuple[str, ...]:
        """Which commands take it."""
        if self.group in GROUPS:
            of_group = GROUPS[self.group]
            return (*of_group, "codec") if self.name in LISTED else of_group
        return tuple(self.group.split())


OPTIONS = (
    Option("listen", "answer", "listen", as_address, "HOST:PORT", "SIP address to answer at (127.0.0.1:5060)"),
    Option("calls", "answer", "calls", as_whole, "N", "leave after N calls (on Ctrl-C)"),
    Option("seconds", "answer", "seconds", as_number, "S", "hang up so long after the answer (never)"),
    Option("reject", "answer", "reject", as_whole, "STATUS", "refuse all with this SIP status, 400 to 699"),
    Option("ring", "answer", "ring_s", as_number, "S", "ring so long before the answer (0)"),
    Option("seconds", "call", "seconds", as_number, "S", "length of the call (until what is played ends)"),
    Option("ring-timeout", "call", "ring_timeout_s", as_number, "S", "give up when nobody answers (60)"),
    Option("dtmf", "call", "dtmf", as_digits, "DIGITS", "digits to send, of 0-9 * # A-D"),
    Option("min-mos", "call", "min_mos", as_number, "MOS", "exit status 6 when the audio is worse, 1 to 5"),
    Option("repeat", "call", "repeat", as_whole, "N", "call N times (1)"),
    Option("every", "call", "every_s", as_number, "S", "from the start of a call to the next (at once)"),
    Option("listen", "call", "listen", as_address, "HOST:PORT", "local SIP address (any)"),
    Option("seconds", "demo", "seconds", as_number, "S", "length of the call (8)"),
    Option("out", "demo", "out", as_text, "DIR", "folder for the recordings (a temporary one)"),
    Option("set", "filter", "changes", as_changes, "PATH=VALUE", "another value, as eq.bands.0.gain_db=-3; repeatable", True),
    Option("far", "filter", "far", as_text, "FAR.wav", "what the loudspeaker played, for an echo canceller"),
    Option("plot", "filter", "plot", as_text, "PNG", "picture of the response and of the sound before and after"),
    Option("live", "filter", "live", as_flag, "", "from a sound device to another, heard as it runs"),
    Option("realtime", "filter", "realtime", as_flag, "", "files, but no faster than they are heard"),
    Option("in-device", "filter console", "in_device", as_text, "NAME", "live, memos: device to hear (system's); null: none"),
    Option("out-device", "filter console", "out_device", as_text, "NAME", "live: sound device to play to (the default one)"),
    Option("rate", "filter console", "sample_rate_hz", as_whole, "HZ", "live: sample rate, 8000 to 192000 Hz (48000)"),
    Option("block", "filter console", "block_ms", as_number, "MS", "live: audio worked on at a time, 1 to 100 ms (10)"),
    Option("seconds", "filter", "seconds", as_number, "S", "live and realtime: end after so long (on Ctrl-C)"),
    Option("force", "filter encode decode compare sweep", "force", as_flag, "", "replace files that exist"),
    Option("bitrate", "encode", "bit_rate_bps", as_whole, "BPS", "bit rate, where NAME says none (the codec's default)"),
    Option("ptime", "encode", "ptime_ms", as_whole, "MS", "audio in one packet, 10 to 160 ms (one near 60)"),
    Option("shift", "decode", "shift_hz", as_number, "HZ", "move all frequencies, -1000 to 1000 Hz (0; VLC only)"),
    Option("pitch", "decode", "pitch_ratio", as_number, "RATIO", "another pitch, 0.5 to 2, formants stay (1; VLC only)"),
    Option("equalise", "decode", "equaliser_db", as_gains, "HZ:DB[,..]", "gains, -40 to 40 dB, between them a line (VLC only)"),
    Option("denoise", "decode", "denoise_db", as_number, "DB", "less of what lies under the noise, 0 to 40 dB (0; VLC only)"),
    Option("codecs", "compare sweep", "codecs", as_names, "A[:BPS][@MS],..", "codecs, bit rates, intervals (a usual choice)"),
    Option("ptime", "compare sweep", "ptimes_ms", as_wholes, "MS[,..]", "packet intervals, or the nearest a codec has (near 60)"),
    Option("loss", "compare sweep", "losses_pct", as_numbers, "PCT[,..]", "lose packets, 0 to 100 percent (0)"),
    Option("burst", "compare sweep", "bursts", as_numbers, "N[,..]", "mean numbers of packets lost in a row (1)"),
    Option("speech", "sweep", "speech", as_files, "FILE", "what is said (builtin:man and builtin:woman)", True),
    Option("delay", "sweep", "delays_ms", as_numbers, "MS[,..]", "delay of the line (0)"),
    Option("jitter", "sweep", "jitters_ms", as_numbers, "MS[,..]", "standard deviation of that delay (0)"),
    Option("seed", "compare sweep", "seed", as_whole, "N", "the same losses again for the same seed (1)"),
    Option("complexity", "encode compare sweep", "complexity", as_whole, "0..10", "effort of the encoder (5)"),
    Option("opus-library", "encode decode compare sweep", "opus_library", as_text, "PATH", "the libopus to use"),
    Option("radio", "compare sweep", "radio", as_word, "NAME[:MBPS]", "what airtime is reckoned for (wifi-n:6.5)"),
    Option("out", "compare sweep", "out", as_text, "DIR", "keep rows there; the same command goes on where it ended"),
    Option("measures", "compare", "measures", as_names, "A,..", "of pesq_nb, pesq_wb, stoi, dnsmos, plcmos, words (all)"),
    Option("report", "compare", "report", as_text, "HTML", "a page with the picture and all figures"),
    Option("plot", "compare sweep", "plot", as_text, "PNG", "picture of quality over rate (sweep: over loss)"),
    Option("workers", "compare sweep", "workers", as_whole, "N", "processes that share the work (1)"),
    Option("dask", "compare sweep", "dask", as_text, "ADDRESS", "a Dask scheduler instead, or local for one of our own"),
    Option("reference", "score", "reference", as_text, "FILE|DIR", "what was sent: file, builtin:NAME, or a folder to find it in"),
    Option("far", "score", "far", as_text, "FILE", "what the listener's side sent meanwhile, where echo would come from"),
    Option("codec", "score", "codec", as_word, "NAME", "what made the recording: can the score be trusted? Captures: PT=NAME[,..]"),
    Option("metrics", "score", "metrics", as_names, "A,..|all", "measures beside the score (those that need nothing installed)"),
    Option("min-mos", "score", "min_mos", as_number, "MOS", "exit status 6 when the score is lower, 1 to 5"),
    Option("report", "score", "report", as_text, "HTML", "a page with pictures, and what each number means"),
    Option("pairs", "score", "pairs", as_text, "CSV", "score a list of files: columns degraded,reference"),
    Option("out", "score", "out", as_text, "CSV", "scores, row by row; rows done stay. Captures: a folder for the sound"),
    Option("workers", "score", "workers", as_whole, "N", "processes that share a list (1)"),
    Option("dask", "score", "dask", as_text, "ADDRESS", "a Dask scheduler instead, or local for one of our own"),
    Option("force", "score", "force", as_flag, "", "replace a report that exists; begin a list anew"),
    Option("pitch-floor", "voice", "pitch_floor_hz", as_number, "HZ", "lowest voice looked for, 30 to 300 Hz (60)"),
    Option("pitch-ceiling", "voice", "pitch_ceiling_hz", as_number, "HZ", "highest voice looked for, up to 2000 Hz (600)"),
    Option("formant-ceiling", "voice", "formant_ceiling_hz", as_number, "HZ", "formants lie below: woman 5500, man 5000 (5500)"),
    Option("channel", "voice", "channel", as_whole, "N", "which channel, from 1 (the loudest)"),
    Option("from", "voice", "from_s", as_number, "S", "measure from here on (0)"),
    Option("to", "voice", "to_s", as_number, "S", "measure up to here (the end)"),
    Option("sex", "voice", "sex", as_sex, "f|m", "whose norms stand beside the numbers (both)"),
    Option("age", "voice", "age", as_number, "YEARS", "for norms, where they differ by age"),
    Option("report", "voice", "report", as_text, "HTML", "a page with pictures, and what each number means"),
    Option("out", "voice", "out", as_text, "CSV", "a row for each recording; rows done stay"),
    Option("workers", "voice", "workers", as_whole, "N", "with --out: processes that share the work (1)"),
    Option("dask", "voice", "dask", as_text, "ADDRESS", "with --out: a Dask scheduler, or local for one of our own"),
    Option("force", "voice", "force", as_flag, "", "replace a report that exists; begin a list anew"),
    Option("vowel", "avqi dsi", "vowel", as_text, "FILE", "a vowel held for 3 s or more"),
    Option("speech", "avqi", "speech", as_text, "FILE", "the sentences that were read"),
    Option("language", "avqi", "language", as_word, "NAME", "whose published cut-off to show"),
    Option("mpt", "dsi", "mpt_s", as_number, "S", "maximum phonation time"),
    Option("low", "dsi", "low", as_text, "FILE", "the voice as softly as it goes"),
    Option("high", "dsi", "high", as_text, "FILE", "the voice as high as it goes"),
    Option("spl-at-0dbfs", "dsi", "spl_at_0dbfs", as_number, "DB", "sound pressure level at full scale, by a level meter"),
    Option("folder", "memo", "folder", as_text, "DIR", "where memos lie (among the user's data)"),
    Option("device", "memo", "device", as_text, "NAME", "sound device (the default one); null: none, null:tone=HZ: a tone"),
    Option("rate", "memo", "sample_rate_hz", as_whole, "HZ", "of the device, 8000 to 192000 Hz (48000)"),
    Option("seconds", "memo", "seconds", as_number, "S", "end after so long (on Ctrl-C)"),
    Option("play", "memo", "play", as_text, "FILE", "in place of a microphone: a sound file, or builtin:man, builtin:woman"),
    Option("note", "memo", "note", as_text, "TEXT", "a note of your own"),
    Option("tag", "memo", "tags", as_names, "T", "a tag it gets; of other verbs: only memos that have it; repeatable", True),
    Option("live", "memo", "live", as_flag, "", "show level, pitch and spectrum while it is recorded"),
    Option("no-measure", "memo", "no_measure", as_flag, "", "keep it only; `memo measure` does the rest"),
    Option("pitch-floor", "memo", "pitch_floor_hz", as_number, "HZ", "lowest voice looked for, 30 to 300 Hz (60)"),
    Option("pitch-ceiling", "memo", "pitch_ceiling_hz", as_number, "HZ", "highest voice looked for, up to 2000 Hz (600)"),
    Option("formant-ceiling", "memo", "formant_ceiling_hz", as_number, "HZ", "five formants lie below (5500)"),
    Option("channel", "memo", "channel", as_whole, "N", "which is measured, from 1 (the one with the most voice)"),
    Option("filter", "memo", "filter", as_text, "PRESET", "heard through this preset"),
    Option("yes", "memo", "yes", as_flag, "", "do not ask"),
    Option("out", "memo", "out", as_text, "PATH", "export: folder, .csv or .json; history: chart, .html or .svg"),
    Option("force", "memo", "force", as_flag, "", "replace files that exist"),
    Option("task", "memo", "task", as_word, "vowel|speech", "memos of this alone (what most of them are)"),
    Option("baseline", "memo", "baseline", as_whole, "N", "the first N memos are what later ones are held against (9)"),
    Option("sex", "memo", "sex", as_sex, "f|m", "whose norms are shown"),
    Option("age", "memo", "age", as_number, "YEARS", "for norms, where they differ by age"),
    Option("packets", "radio", "packets_per_s", as_number, "N", "datagrams a second, each way"),
    Option("bytes", "radio", "wire_bytes", as_number, "B", "mean length of one, IP header included"),
    Option("radio", "radio", "radio", as_word, "NAME[:MBPS]", "technology, see --list (wifi-n:6.5)"),
    Option("bitrate", "radio", "bit_rate_bps", as_whole, "BPS", "turns: of the codec (2400)"),
    Option("ptime", "radio", "ptime_ms", as_whole, "MS", "turns: audio in one packet (144)"),
    Option("expires", "radio", "expires_s", as_number, "S", "idle: lifetime of the registration (3600)"),
    Option("listen", "console", "listen", as_address, "HOST:PORT", "SIP address to be called at (127.0.0.1:5060)"),
    Option("out", "console", "out", as_text, "DIR", "folder for recordings, results and reports (among the user's data)"),
    Option("no-record", "console", "no_record", as_flag, "", "keep no recordings of calls"),
    Option("memos", "console", "memos", as_text, "DIR", "folder for voice memos (among the user's data)"),
    Option("auto-answer", "console", "auto_answer", as_flag, "", "answer calls at once, instead of letting them ring"),
    Option("live", "console", "live", as_text, "PRESET", "filter a sound device besides, through this preset"),
    Option("set-live", "console", "live_changes", as_changes, "PATH=VALUE", "another value of --live; repeatable", True),
    Option("at", "remote", "at", as_text, "HOST:PORT|NAME", "who is steered, or the URL it printed (127.0.0.1:8765)"),
    Option("token-env", "remote", "token", as_token_of, "VAR", "environment variable that holds the token (SOFTPHONE_TOKEN)"),
    Option("token", "remote", "token", as_text, "T", "the token itself: others can see it"),
    Option("chain", "remote", "chain", as_text, "NAME", "which filter, where there are several (the first)"),
    Option("name", "remote", "name", as_text, "NAME", "who the others are told this is"),
    Option("every", "remote", "every_s", as_number, "S", "watch: from one line of levels to the next (0.2)"),
    Option("force", "remote", "force", as_flag, "", "save: replace a preset of that name"),
    Option("tls", "remote", "tls", as_flag, "", "by TLS, certificate checked against the system's"),
    Option("tls-ca", "remote", "tls_ca", as_text, "PEM", "by TLS, certificate checked against this one"),
    Option("tls-fingerprint", "remote", "tls_fingerprint", as_text, "SHA256", "by TLS, this very certificate"),
    Option("play", "audio", "play", as_text, "FILE", "sound file to send, or builtin:man, builtin:woman"),
    Option("echo", "audio", "echo", as_flag, "", "send back what is heard"),
    Option("tone", "audio", "tone_hz", as_number, "HZ", "send a tone of 20 to 20000 Hz"),
    Option("device", "audio", "device", as_text, "NAME", "microphone and speaker; null: neither"),
    Option("record", "audio", "record", as_text, "FILE", "WAV file for what is heard"),
    Option("record-sent", "audio", "record_sent", as_text, "FILE", "WAV file for what is sent"),
    Option("expect", "audio", "expect", as_text, "FILE", "what the peer sends, to score against"),
    Option("filter", "audio", "filter_sent", as_text, "PRESET", "filter what is sent: a preset's name or file"),
    Option("filter-in", "audio", "filter_heard", as_text, "PRESET", "filter what is heard"),
    Option("set", "audio", "changes_sent", as_changes, "PATH=VALUE", "another value of --filter; repeatable", True),
    Option("set-in", "audio", "changes_heard", as_changes, "PATH=VALUE", "another value of --filter-in; repeatable", True),
    Option("filter", "demo", "filter_sent", as_text, "PRESET", "filter what each side sends: a preset's name or file"),
    Option("filter-in", "demo", "filter_heard", as_text, "PRESET", "filter what each side hears"),
    Option("codec", "media", "codecs", as_codecs, "NAME[:BPS][,..]", "codecs, the best first"),
    Option("bitrate", "media", "bit_rate_bps", as_whole, "BPS", "bit rate of codecs without one of their own"),
    Option("ptime", "media", "ptime_ms", as_whole, "MS", "audio in one packet, 10 to 160 ms (20; demo: 60)"),
    Option("mode", "media", "mode", as_word, "MODE", "normal, vlc (least CPU) or vlr (least airtime); as the peer wishes"),
    Option("max-wire-bps", "media", "max_wire_bps", as_whole, "BPS", "limit each way, IP, UDP, RTP and RTCP included"),
    Option("complexity", "media", "complexity", as_whole, "0..10", "effort of the encoder (5)"),
    Option("rtp-ports", "media", "rtp_ports", as_ports, "LOW-HIGH", "ports for RTP and RTCP (16384-32767)"),
    Option("rtp-timeout", "media", "rtp_timeout_s", as_number, "S", "drop a call that hears none (10, 0: no)"),
    Option("radio", "media", "radio", as_word, "NAME[:MBPS]", "what airtime is reckoned for (wifi-n:6.5); see `radio --list`"),
    Option("opus-library", "media", "opus_library", as_text, "PATH", "the libopus to use"),
    Option("loss", "line", "loss_pct", as_number, "PCT", "lose packets both ways, 0 to 100 percent"),
    Option("burst", "line", "burst", as_number, "N", "mean number of packets lost in a row (1)"),
    Option("delay", "line", "delay_ms", as_number, "MS", "delay packets both ways"),
    Option("jitter", "line", "jitter_ms", as_number, "MS", "vary the delay"),
    Option("seed", "line", "seed", as_whole, "N", "the same line again for the same seed (1)"),
    Option("user", "account", "user", as_text, "U", "our user name"),
    Option("auth-user", "account", "auth_user", as_text, "A", "user name of the password, where another"),
    Option("password-env", "account", "password", as_password_of, "VAR", "environment variable that holds it"),
    Option("password", "account", "password", as_text, "P", "for tests: others can see it"),
    Option("auth-algorithms", "account", "auth_algorithms", as_words, "A[,..]", "to challenge callers with (MD5)"),
    Option("header", "account", "headers", as_headers, "'N: V'", "a SIP header field more; repeatable", True),
    Option("sip-t1-ms", "account", "sip_t1_ms", as_whole, "MS", "SIP round trip estimate (500)"),
    Option("sip-dictionary", "account", "sip_dictionary", as_flag, "", "pack SIP, for peers that read it so"),
    Option("serve", "serve", "address", as_serve_address, "HOST:PORT", "a page to steer by (127.0.0.1:8765)", bare=""),
    Option("allow-lan", "serve", "allow_lan", as_flag, "", "let others on the network in, beyond this machine"),
    Option("token-env", "serve", "token", as_token_of, "VAR", "environment variable that holds the token (one is made)"),
    Option("tls-cert", "serve", "tls_cert", as_text, "PEM", "serve by TLS with this certificate"),
    Option("tls-key", "serve", "tls_key", as_text, "PEM", "its key, where that is another file"),
    Option("tls-self-signed", "serve", "tls_self_signed", as_flag, "", "serve by TLS with a certificate made for it"),
    Option("serve-name", "serve", "names", as_files, "HOST", "a host name browsers may ask for it by; repeatable", True),
    Option("announce", "serve", "announce", as_text, "NAME", "be found on the local network by this name"),
    Option("osc", "serve", "osc", as_osc_address, "HOST:PORT", "take Open Sound Control over UDP, too (127.0.0.1:8766)", bare=""),
    Option("max-clients", "serve", "max_clients", as_whole, "N", "who may be there at once, 1 to 1000 (32)"),
)  # fmt: skip
