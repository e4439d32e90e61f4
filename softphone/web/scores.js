// The Scores tab: recorded calls, the newest first: hear them, read about them, score them again.

import { $, decibels, duration, h, keepRows, write } from "./dom.js";

const REFERENCES = {
  "": "against the same as before",
  "builtin:man": "against the bundled voice: man",
  "builtin:woman": "against the bundled voice: woman",
  recorded: "against what --expect named",
  sent: "against what was sent (for an echo)",
  none: "against nothing: the signal alone",
};
const WORDS = { recording: "is being recorded", scoring: "is being scored" };

export class ScoresTab {
  constructor(app) {
    this.app = app;
    this.recordings = [];
    this.rows = new Map();
  }

  async onWelcome({ role }) {
    if (this.role !== role) {
      this.rows.clear(); // other buttons
      $("recordings").replaceChildren();
    }
    this.role = role;
    if (this.app.can("recordings")) this.#show(await this.app.ask("recordings"));
  }

  onEvent(event, body) {
    if (event === "recordings") this.#show(body);
  }

  onLink() {}

  onShown() {
    this.#show({ recordings: this.recordings });
  }

  #show({ recordings = [] }) {
    this.recordings = recordings;
    if (!this.app.seen("scores")) return;
    $("no-recordings").hidden = recordings.length > 0;
    keepRows($("recordings"), this.rows, recordings, "recording", (each) => new Row(each.recording, this.app));
  }
}

class Row {
  constructor(name, app) {
    this.name = name;
    this.app = app;
    const button = (words, run) => h("button", { type: "button", onclick: () => run() }, words);
    this.mark = h("b", {});
    this.unit = h("small", {});
    this.score = h("p.mark", {}, this.mark, this.unit);
    this.title = h("h3", {});
    this.facts = h("p.dim", {});
    this.verdict = h("p.verdict", {});
    this.notes = h("p.dim", {});
    this.listen = button("Listen", () => this.#listen());
    this.report = button("Report", () => this.#report());
    this.again = button("Score again", () => this.#again());
    this.reference = h(
      "select",
      { "aria-label": "Score against" },
      Object.entries(REFERENCES).map(([value, words]) => h("option", { value }, words)),
    );
    this.players = h("div.players", {});
    this.element = h(
      "section.card.recording",
      {},
      this.score,
      h(
        "div",
        {},
        this.title,
        this.facts,
        this.verdict,
        this.notes,
        h(
          "div.buttons",
          {},
          app.may("listen") && this.listen,
          app.may("report") && this.report,
          app.may("score") && [this.again, this.reference],
        ),
        this.players,
      ),
    );
  }

  show(entry) {
    this.entry = entry;
    const at = entry.started_at ? new Date(entry.started_at) : null;
    write(this.title, entry.peer || entry.recording);
    const facts = [
      at?.toLocaleString(),
      entry.direction,
      entry.codec,
      entry.mode && entry.mode !== "normal" ? entry.mode : null,
      length(entry.seconds ?? entry.duration_s),
      entry.reference && entry.reference !== "none" ? `compared with ${entry.reference}` : null,
    ];
    write(this.facts, facts.filter(Boolean).join(" · "));
    const busy = entry.state && entry.state !== "ready";
    const { score } = entry;
    const scored = typeof score === "number";
    write(this.mark, scored ? decibels(score, 2) : busy ? "…" : "–");
    write(this.unit, scored ? ` of ${entry.max ?? 5} ${entry.unit || ""}`.trimEnd() : "");
    this.score.className = `mark ${scored ? `q${Math.min(5, Math.max(1, Math.round((score / (entry.max || 5)) * 5)))}` : ""}`;
    const verdict = [...new Set([...(entry.verdict || []), ...(entry.signal || [])])];
    const words = verdict.filter((each) => each !== "ok");
    const bad = words.length > 0;
    write(
      this.verdict,
      busy ? `This call ${WORDS[entry.state] || entry.state}.` : bad ? words.join(", ") : verdict.join(""),
    );
    this.verdict.classList.toggle("bad", bad && !busy);
    const misleads = scored && entry.trusted === false;
    const alone = !scored && !entry.problem && (!entry.reference || entry.reference === "none");
    const why = alone
      ? `No score: nobody said what the other side played.${this.app.may("score") ? " Choose it below, and press Score again." : ""}`
      : entry.why;
    const notes = [entry.problem, why, misleads ? "this measure is known to mislead for this codec" : ""];
    write(this.notes, busy ? "" : notes.filter(Boolean).join("; "));
    this.listen.hidden = entry.heard === false && entry.sent === false;
    this.report.disabled = this.again.disabled = this.reference.disabled = Boolean(busy) || entry.heard === false;
  }

  async #busy(button, words, work) {
    const before = button.textContent;
    button.disabled = true;
    write(button, words);
    try {
      await work();
    } catch (refusal) {
      this.app.fault(refusal);
    }
    write(button, before);
    button.disabled = false;
  }

  #listen() {
    return this.#busy(this.listen, "Fetching …", async () => {
      const answer = await this.app.ask("listen", { recording: this.name });
      const player = (url, words) =>
        url &&
        h(
          "label",
          {},
          words,
          h("audio", {
            src: url,
            controls: true,
            preload: "metadata",
            "aria-label": `${words}: ${this.title.textContent}`,
          }),
        );
      this.players.replaceChildren(...[player(answer.url, "Heard"), player(answer.sent_url, "Sent")].filter(Boolean));
      this.players
        .querySelector("audio")
        ?.play()
        .catch(() => {});
    });
  }

  #report() {
    return this.#busy(this.report, "Making it …", async () => {
      const { url } = await this.app.ask("report", { recording: this.name });
      openReport(url, this.title.textContent);
    });
  }

  #again() {
    return this.#busy(this.again, "Scoring …", async () => {
      const { recording } = await this.app.ask("score", {
        recording: this.name,
        ...(this.reference.value ? { reference: this.reference.value } : {}),
      });
      if (recording && typeof recording === "object") this.show(recording);
      this.app.say("Scored again.", "good");
    });
  }
}

/** Show the page at *url*, which is about *title*. */
export function openReport(url, title) {
  $("report-frame").src = url;
  $("report-tab").href = url;
  write($("report-title"), `Report: ${title}`);
  $("report-dialog").showModal();
}

const length = (seconds) => (typeof seconds === "number" ? duration(seconds) : null);
