// One call of the Calls tab: its figures, what can be done with it, and the two switches that save.

import { decibels, duration, h, newId, plain, write } from "./dom.js";

export const STATES = {
  calling: "Calling",
  ringing: "Ringing there",
  incoming: "Incoming",
  established: "Connected",
  ending: "Hanging up",
  ended: "Ended",
};

/** How a call ended, in words. */
export function ending({ outcome = "ended", sip_status: status, reason, why }) {
  if (why) return `${outcome}: ${why}`;
  if (status) return `${outcome} (${status}${reason ? ` ${reason}` : ""})`;
  return reason ? `${outcome}: ${reason}` : outcome;
}

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const FULL_CPU_MS = 50;
const DIRECTIONS = { both: "both ways", sent: "what I send", received: "what I hear" };
const MODES = [
  ["vlc", "yellow", "Least CPU", "Yellow: a codec and packets that cost the processor least (vlc)"],
  ["vlr", "green", "Least airtime", "Green: fewest bytes and packets on the air (vlr)"],
];

export class CallCard {
  constructor({ call, peer }, app) {
    this.app = app;
    this.number = call;
    this.ended = false;
    this.facts = {};
    const id = newId("call");
    const button = (words, op, args, kind = "") =>
      h(`button${kind}`, { type: "button", onclick: () => this.#do(op, args()) }, words);
    this.mute = button("Mute", "mute", () => ({ on: !this.status.muted }));
    this.hold = button("Hold", "hold", () => ({ on: !this.status.on_hold }));
    this.padButton = h(
      "button",
      { type: "button", "aria-expanded": "false", "aria-controls": `${id}-pad`, onclick: () => this.#openPad() },
      "Keypad",
    );
    this.end = button("Hang up", "hangup", () => ({}), ".no");
    this.answer = button("Answer", "answer", () => ({}), ".yes");
    this.reject = button("Reject", "reject", () => ({}), ".no");
    this.state = h("b.state", {});
    this.time = h("span.time", {});
    this.sentDigits = h("output.digits", { "aria-label": "Digits sent" });
    this.pad = h(
      "div.pad",
      { id: `${id}-pad`, hidden: true, role: "group", "aria-label": "Keypad" },
      KEYS.map((key) =>
        h(
          "button",
          { type: "button", "aria-label": { "*": "star", "#": "hash" }[key] || key, onclick: () => this.press(key) },
          key,
        ),
      ),
      this.sentDigits,
    );
    this.direction = h(
      "select",
      { "aria-label": "The switches change" },
      Object.entries(DIRECTIONS).map(([value, words]) => h("option", { value }, words)),
    );
    this.switches = Object.fromEntries(
      MODES.map(([mode, colour, words, help]) => [mode, this.#switch(mode, colour, words, help)]),
    );
    this.modeWords = h("p.dim", {});
    this.grid = h("dl.figures", {});
    const may = app.mayChange();
    this.element = h(
      "section.card.running",
      { "aria-labelledby": `${id}-title` },
      h("header", {}, h("h3", { id: `${id}-title` }, peer), h("p", {}, this.state, " ", this.time)),
      h(
        "fieldset.bare",
        { disabled: !may },
        h("legend.hidden", {}, "What to do"),
        h("div.buttons", {}, this.answer, this.reject, this.mute, this.hold, this.padButton, this.end),
        this.pad,
      ),
      this.grid,
      (this.modes = h(
        "fieldset.modes",
        { disabled: !may },
        h("legend", {}, "Save"),
        Object.values(this.switches).map(({ element }) => element),
        h("label.join", {}, h("span", {}, "Change "), this.direction),
        this.modeWords,
      )),
    );
  }

  get padOpen() {
    return !this.pad.hidden;
  }

  press(digit) {
    this.sentDigits.textContent = (this.sentDigits.textContent + digit).slice(-24);
    this.#do("dtmf", { digits: digit });
  }

  #openPad() {
    this.pad.hidden = !this.pad.hidden;
    this.padButton.setAttribute("aria-expanded", String(this.padOpen));
    if (this.padOpen) this.pad.querySelector("button").focus();
  }

  async #do(op, args) {
    const answer = await this.app.try(op, { ...args, call: this.number });
    if (answer?.call?.state) this.show(answer.call);
    else this.show(this.status);
  }

  #switch(mode, colour, words, help) {
    const box = h(`input.switch.${colour}`, {
      type: "checkbox",
      role: "switch",
      "aria-label": `${words} (${mode})`,
      onchange: () => this.#do("mode", { mode: box.checked ? mode : "normal", direction: this.direction.value }),
    });
    const bar = h("i", {});
    const number = h("b", {}, "–");
    const why = h("small.dim", {});
    const element = h(
      `div.saver.${colour}`,
      { title: help },
      h("label.check", {}, box, h("span", {}, words, h("small.dim", {}, ` ${mode}`))),
      h("span.gauge", {}, h("span.track", {}, bar), number),
      why,
    );
    return { element, box, bar, number, why };
  }

  show(call) {
    this.status = call;
    const up = call.state === "established";
    const incoming = call.state === "incoming";
    const held = call.on_hold ? "On hold" : call.peer_holds ? "Held by the other side" : null;
    const words = held || STATES[call.state] || call.state;
    write(this.state, up && call.muted ? `${words}, muted` : words);
    this.state.className = `state ${up && (held || call.muted) ? "quiet" : call.state}`;
    write(
      this.time,
      call.duration_s !== undefined && call.duration_s !== null && up
        ? duration(call.duration_s)
        : incoming
          ? ""
          : call.direction || "",
    );
    this.answer.hidden = !(incoming && this.app.can("answer"));
    this.reject.hidden = !(incoming && this.app.can("reject"));
    this.end.hidden = incoming && this.app.can("answer");
    for (const each of [this.mute, this.hold, this.padButton, this.modes]) each.hidden = !up;
    if (!up) this.pad.hidden = true;
    this.#toggle(this.mute, call.muted, "Mute", "Unmute");
    this.#toggle(this.hold, call.on_hold, "Hold", "Resume");
    this.#figures(call, up);
    if (up) this.#savers(call);
  }

  #toggle(button, on, words, back) {
    button.classList.toggle("on", Boolean(on));
    write(button, on ? back : words);
  }

  #figures(call, up) {
    const { codec } = call;
    const rate = (bps) => (bps === undefined || bps === null ? null : `${(bps / 1000).toFixed(1)} kb/s`);
    const rows =
      !up && !codec
        ? []
        : [
            [
              "Codec",
              codec &&
                [
                  codec.name,
                  codec.bit_rate_bps && `${plain(codec.bit_rate_bps / 1000)}\u00a0kb/s`,
                  codec.ptime_ms && `${plain(codec.ptime_ms)}\u00a0ms`,
                ]
                  .filter(Boolean)
                  .join(", "),
            ],
            ["Score", number(call.mos_cq, 2, "of 5"), "MOS-CQE, of the E-model: 5 is best"],
            ["Sent on the wire", rate(call.sent_wire_bps), "With the headers of IP, UDP and RTP"],
            ["Received on the wire", rate(call.received_wire_bps), "With the headers of IP, UDP and RTP"],
            ["Loss", number(call.loss_pct, 1, "%")],
            ["Jitter", number(call.jitter_ms, 1, "ms"), "RFC 3550"],
            ["Playout delay", number(call.playout_delay_ms, 0, "ms"), "What the jitter buffer adds"],
            ["Level heard", number(call.level_dbov, 1, "dBov")],
            ["Digits received", call.dtmf_received || null],
            ["Filter, sent", call.filters?.sent],
            ["Filter, heard", call.filters?.heard],
          ];
    const there = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
    there.forEach(([name, value, help], index) => {
      if (!this.facts[name]) {
        const cell = h("dd", {});
        this.facts[name] = { cell, element: h("div", { title: help || null }, h("dt", {}, name), cell) };
        this.grid.append(this.facts[name].element);
      }
      this.facts[name].element.style.order = index;
      write(this.facts[name].cell, String(value));
    });
    for (const [name, { element }] of Object.entries(this.facts))
      element.hidden = !there.some(([each]) => each === name);
    this.grid.hidden = there.length === 0;
  }

  #savers(call) {
    const can = (mode) => !Array.isArray(call.modes) || call.modes.includes(mode);
    for (const [mode] of MODES) {
      const { box, why } = this.switches[mode];
      box.checked = call.mode === mode || call.received_mode === mode;
      box.disabled = !can(mode);
      write(why, can(mode) ? "" : "The other side has no codec for it.");
    }
    const cpu = call.cpu_ms_per_s;
    const { vlc, vlr } = this.switches;
    write(vlc.number, number(cpu, 1, "ms/s of CPU") ?? "–");
    vlc.bar.style.transform = `scaleX(${Math.min(1, (cpu || 0) / FULL_CPU_MS)})`;
    const air = call.airtime_now ?? call.airtime;
    const ratio = air?.vs_g711_20ms;
    write(
      vlr.number,
      air
        ? `${number(air.ms_per_s, 1, "ms/s")}${ratio === null || ratio === undefined ? "" : `, ${decibels(ratio, 2)} × G.711`}`
        : "–",
    );
    vlr.bar.style.transform = `scaleX(${Math.min(1, ratio ?? 0)})`;
    const received = call.received_mode ? `, heard: ${call.received_mode}` : "";
    write(this.modeWords, `Now sent: ${call.mode || "normal"}${received}. One of the two at a time.`);
  }
}

const number = (value, digits, unit) =>
  value === null || value === undefined ? null : `${decibels(value, digits)} ${unit}`;

export class EndedCard {
  constructor({ peer }) {
    this.ended = true;
    this.words = h("p.dim", {});
    this.element = h("section.card.over", {}, h("h3", {}, peer), this.words);
  }

  show(call) {
    const score = call.score ? `score ${decibels(call.score.value, 2)}` : null;
    const verdict = Array.isArray(call.verdict) ? call.verdict.join(", ") : call.verdict;
    const time = call.duration_s ? duration(call.duration_s) : null;
    write(this.words, [call.direction, ending(call), time, verdict, score].filter(Boolean).join(" · "));
  }
}
