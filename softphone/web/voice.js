// The Voice tab: record a memo and see the voice meanwhile; the memos there are.

import { stroke } from "./curve.js";
import { $, decibels, duration, h, keepRows, onFrame, plain, signed, write } from "./dom.js";
import { percent, share } from "./meters.js";
import { openReport } from "./scores.js";

const TRACE = 1000;
const SPAN_DB = 80;
const TOP_HZ = 10000;
const HIGH_HZ = 6000;
const NUMBERS_MS = 200;
const PITCHES = [50, 70, 100, 150, 200, 300, 400, 600, 800, 1200, 2000];
const NOTES = "C C♯D D♯E F F♯G G♯A A♯B ";
const VOWEL = [
  ["f0_hz", "Pitch", "Hz", 1, "mean of the vowel"],
  ["jitter_local_pct", "Jitter (local)", "%", 2, "how unsteady the pitch is from cycle to cycle"],
  ["shimmer_local_pct", "Shimmer (local)", "%", 2, "how unsteady the loudness is from cycle to cycle"],
  ["hnr_db", "HNR", "dB", 1, "tone over breath and noise: more is clearer"],
  ["cpps_db", "CPPS", "dB", 1, "how much it is one clear tone: more is clearer"],
];
const MEMO = [["f0_mean_hz", "Pitch", "Hz", 1], ...VOWEL.slice(1)];

/** A pitch as a note: 221 is "A3 +8" (hundredths of a semitone). */
function noteOf(hz) {
  const at = 69 + 12 * Math.log2(hz / 440);
  const note = Math.round(at);
  return `${NOTES.substr(2 * (note % 12), 2).trim()}${Math.floor(note / 12) - 1} ${signed(100 * (at - note), 0)}`;
}

const figure = (value, unit, digits) => (Number.isFinite(value) ? `${decibels(value, digits)} ${unit}` : "–");

/** A canvas of any size; *paint(pen, right, foot, ink)* draws it. */
class Plot {
  constructor(canvas, paint) {
    this.draw = onFrame(() => this.#draw(paint));
    this.canvas = canvas;
    new ResizeObserver(this.draw).observe(canvas);
    this.restyle();
  }

  restyle() {
    const style = getComputedStyle(document.documentElement);
    this.ink = (name) => style.getPropertyValue(`--${name}`).trim();
    this.draw();
  }

  #draw(paint) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(this.canvas, { width: width * ratio, height: height * ratio }); // which clears it, too
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    paint(pen, width - 18, height - 18, this.ink);
  }
}

const LEFT = 38;

function rule(pen, ink, x, y, toX, toY, text) {
  const upright = x === toX;
  pen.strokeStyle = ink("grid");
  pen.fillStyle = ink("dim");
  pen.lineWidth = 1;
  stroke(pen, x, y, toX, toY);
  pen.textAlign = upright ? "center" : "right";
  pen.fillText(text, upright ? x : x - 5, upright ? toY + 10 : y);
}

export class VoiceTab {
  constructor(app) {
    this.app = app;
    this.rows = new Map();
    this.memos = [];
    this.writtenAt = 0;
    this.#clear();
    this.pitch = new Plot($("voice-pitch"), (...all) => this.#paintPitch(...all));
    this.ltas = new Plot($("voice-ltas"), (...all) => this.#paintLtas(...all));
    $("memo-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go();
    });
    this.cells = VOWEL.map(([, name, , , words]) => {
      const cell = h("dd", {}, "–");
      $("vowel").append(h("div", {}, h("dt", {}, name), cell, h("small", {}, words)));
      return cell;
    });
  }

  #clear() {
    this.now = {};
    this.trace = [];
    this.frame = 0;
    this.top = -40;
  }

  restyle() {
    this.pitch.restyle();
    this.ltas.restyle();
  }

  async onWelcome({ role }) {
    if (this.role !== role) {
      this.rows.clear();
      $("memos").replaceChildren();
    }
    this.role = role;
    this.listening = false;
    if (!this.app.can("memos")) return;
    this.#list(await this.app.ask("memos"));
    this.#about(await this.app.ask("voice"));
    this.onShown();
  }

  onLink(here) {
    if (!here) this.listening = false;
  }

  /** The program listens only for those who look. */
  async onShown() {
    if (!this.app.can("voice")) return;
    const seen = this.app.seen("voice");
    if (seen !== this.listening) {
      this.listening = seen;
      const answer = await this.app.try(seen ? "subscribe" : "unsubscribe", { topics: ["voice"] });
      if (seen && answer?.first.voice) this.#show(answer.first.voice);
    }
    if (seen) this.#list({ memos: this.memos });
  }

  onEvent(event, body) {
    if (event === "memos") this.#list(body);
    if (event === "voice") this.#show(body);
  }

  #about({ settings = {}, low_hz: low, high_hz: high, ...now }) {
    [this.low, this.high] = [low, high];
    const lines = Object.entries(settings).map(([name, words]) => h("li", {}, h("b", {}, name), `: ${words}`));
    $("voice-settings").replaceChildren(...lines);
    this.#show(now);
  }

  async #go() {
    const [button, field] = [$("memo-go"), $("memo-name")];
    button.disabled = true;
    const name = field.value.trim();
    const done = await (this.recording
      ? this.app.try("voice.stop")
      : this.app.try("voice.record", name ? { name } : {}));
    button.disabled = false;
    if (done) this.#show(done);
    if (!this.recording) field.value = "";
    button.focus();
  }

  #show(now) {
    const before = this.recording;
    const { recording = null } = now;
    if (recording && recording !== before) this.#clear();
    this.recording = recording;
    Object.assign(this.now, now);
    const on = Boolean(recording);
    write($("memo-go"), on ? "Stop" : "Record");
    $("memo-go").classList.toggle("on", on);
    $("memo-name").disabled = on;
    write($("memo-state"), on ? `Recording “${recording}”` : now.problem || "Not recording.");
    $("memo-state").classList.toggle("bad", !on && Boolean(now.problem));
    write($("tab-voice"), on ? "Voice ●" : "Voice");
    if (now.f0) this.#take(now);
    if (!this.app.seen("voice")) return;
    const { level_dbfs: level, peak_dbfs: peak, clipped } = recording ? now : {};
    $("voice-rms").style.clipPath = `inset(0 ${percent(1 - share(level))} 0 0)`;
    $("voice-peak").style.left = percent(share(peak));
    $("voice-clip").classList.toggle("lit", clipped > 0);
    write($("voice-clip"), clipped ? "CLIPPED" : "no clip");
    this.pitch.draw();
    this.ltas.draw();
    const at = performance.now();
    if (recording && at - this.writtenAt < NUMBERS_MS) return;
    this.writtenAt = at;
    this.#numbers();
  }

  /** The newest pitches, some of which correct what was told before. */
  #take({ frame, f0 }) {
    const known = Math.min(f0.length - frame + this.frame, this.trace.length);
    if (known < 0) this.trace.push(null);
    else this.trace.length -= known;
    this.trace = [...this.trace, ...f0].slice(-TRACE);
    this.frame = frame;
  }

  #numbers() {
    const { now, recording } = this;
    const live = recording ? now : {};
    write($("voice-time"), live.seconds ? duration(live.seconds) : "");
    write($("voice-level"), decibels(live.level_dbfs));
    write($("voice-f0"), live.f0_hz ? `${live.f0_hz.toFixed(1)} Hz · ${noteOf(live.f0_hz)}` : "–");
    write($("voice-hpr"), `HPR ${figure(now.hpr_db, "dB", 1)}`);
    const heard = this.trace.filter((hz) => hz > 0);
    const span = heard.length ? `${plain(Math.min(...heard))} to ${plain(Math.max(...heard))} Hz` : "no voice";
    $("voice-pitch").ariaLabel = `Pitch of the last 10 seconds: ${span}`;
    const vowel = now.vowel || {};
    VOWEL.forEach(([key, , unit, digits], index) => write(this.cells[index], figure(vowel[key], unit, digits)));
    const known = Number.isFinite(vowel.measured_s);
    const lasts = Boolean(vowel.lasts && recording);
    const words = recording ? vowel.why || "" : known ? "" : "Record, and hold an “aah” for three seconds.";
    const of = known ? `Of ${decibels(vowel.measured_s)} s${lasts ? "" : ", the vowel before"}.` : "";
    write($("vowel-why"), `${words} ${of}`.trim());
    $("vowel").classList.toggle("past", !lasts);
  }

  #paintPitch(pen, right, foot, ink) {
    const low = Math.log2(this.low || 60);
    const span = Math.log2(this.high || 600) - low;
    const y = (hz) => foot - ((Math.log2(hz) - low) / span) * (foot - 8);
    const x = (index) => right - ((this.trace.length - 1 - index) / TRACE) * (right - LEFT);
    for (const hz of PITCHES) if (y(hz) <= foot && y(hz) >= 8) rule(pen, ink, LEFT, y(hz), right, y(hz), plain(hz));
    for (let s = 10; s >= 0; s -= 2) {
      const at = right - (s / 10) * (right - LEFT);
      rule(pen, ink, at, 8, at, foot, s ? `−${s}` : "now");
    }
    pen.strokeStyle = ink("line");
    pen.lineWidth = 2.5;
    pen.lineCap = "round";
    pen.beginPath();
    let on = false;
    this.trace.forEach((hz, index) => {
      if (hz > 0) {
        if (!on) pen.moveTo(x(index) - 0.5, y(hz));
        pen.lineTo(x(index), y(hz));
      }
      on = hz > 0;
    });
    pen.stroke();
  }

  #paintLtas(pen, right, foot, ink) {
    const levels = this.now.ltas_db || [];
    const most = Math.max(...levels);
    if (Number.isFinite(most) && (most > this.top || most < this.top - 20)) this.top = 10 * Math.ceil(most / 10);
    const y = (db) => 8 + Math.min(1, Math.max(0, (this.top - db) / SPAN_DB)) * (foot - 8);
    const x = (hz) => LEFT + (hz / TOP_HZ) * (right - LEFT);
    pen.fillStyle = ink("soft");
    pen.fillRect(x(HIGH_HZ), 8, right - x(HIGH_HZ), foot - 8);
    for (let db = this.top; db >= this.top - SPAN_DB; db -= 20) rule(pen, ink, LEFT, y(db), right, y(db), decibels(db, 0));
    for (let hz = 2000; hz <= TOP_HZ; hz += 2000)
      rule(pen, ink, x(hz), 8, x(hz), foot, `${hz / 1000}k${hz < TOP_HZ ? "" : "Hz"}`);
    pen.strokeStyle = ink("deg");
    pen.lineWidth = 2;
    pen.beginPath();
    levels.forEach((db, band) => pen.lineTo(x(100 * band + 50), y(db)));
    pen.stroke();
  }

  #list({ memos = [] }) {
    this.memos = memos;
    if (!this.app.seen("voice")) return;
    $("no-memos").hidden = memos.length > 0;
    keepRows($("memos"), this.rows, memos, "memo", (each) => new Row(each.memo, this.app));
  }
}

class Row {
  constructor(name, app) {
    this.app = app;
    this.name = name;
    this.facts = h("p.dim", {});
    this.words = h("p.verdict", {});
    this.cells = MEMO.map(() => h("dd", {}, "–"));
    this.players = h("div.players", {});
    const button = (op, words, work, sure = "") => {
      const run = async () => {
        if (sure && !confirm(sure)) return;
        made.disabled = true;
        const answer = await app.try(op, { memo: name });
        made.disabled = false;
        if (answer) work(answer);
      };
      const made = h("button", { type: "button", onclick: run }, words);
      return app.may(op) && made;
    };
    const buttons = [
      button("memo.listen", "Listen", ({ url }) => this.#play(url)),
      button("memo.report", "Report", ({ url }) => openReport(url, name)),
      button("memo.measure", "Measure again", () => app.say(`“${name}” is measured.`, "good")),
      button("memo.delete", "Delete …", () => app.say(`“${name}” is deleted.`), `Delete “${name}” for good?`),
    ];
    this.element = h(
      "section.card.memo",
      { "aria-label": name },
      h("h3", {}, name),
      this.facts,
      this.words,
      h(
        "dl.figures",
        {},
        MEMO.map(([, words], index) => h("div", {}, h("dt", {}, words), this.cells[index])),
      ),
      h("div.buttons", {}, buttons),
      this.players,
    );
  }

  show({ started_at: at, seconds, task, state, verdict = [], warnings = [], problem, figures = {} }) {
    const facts = [new Date(at).toLocaleString(), duration(seconds), task];
    write(this.facts, facts.filter(Boolean).join(" · "));
    const ready = state === "ready";
    const found = [...verdict.filter((word) => word !== "ok"), ...warnings];
    const words = ready ? problem || found.join("; ") : "This memo is being measured.";
    write(this.words, words);
    this.words.classList.toggle("bad", ready && Boolean(words));
    MEMO.forEach(([key, , unit, digits], index) => write(this.cells[index], figure(figures[key], unit, digits)));
    for (const each of this.element.querySelectorAll("button")) each.disabled = !ready;
  }

  #play(url) {
    const sound = h("audio", { src: url, controls: true, "aria-label": `Memo ${this.name}` });
    this.players.replaceChildren(sound);
    sound.play().catch(() => {});
  }
}
