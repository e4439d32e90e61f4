// Meters of what goes in and what comes out: bars at once, numbers a few times a second, a clip light that stays.

import { $, decibels, h, write } from "./dom.js";

const FLOOR_DB = -60;
const TOP_DB = 3;
const NUMBERS_MS = 250;
const SIDES = [
  ["in", "In"],
  ["out", "Out"],
];
const ROWS = [
  ["peak_dbfs", "Peak", "dBFS", "highest sample of the newest tenth of a second"],
  ["rms_dbfs", "RMS", "dBFS", "level of the newest 0.3 seconds"],
  ["momentary_lufs", "Momentary", "LUFS", "loudness of the newest 0.4 seconds (EBU R 128)"],
  ["short_term_lufs", "Short-term", "LUFS", "loudness of the newest 3 seconds"],
  ["integrated_lufs", "Integrated", "LUFS", "loudness since the reset, pauses left out"],
  ["true_peak_dbtp", "True peak", "dBTP", "highest since the reset, between the samples, too"],
];

export const share = (db) => Math.min(1, Math.max(0, ((db ?? FLOOR_DB) - FLOOR_DB) / (TOP_DB - FLOOR_DB)));
export const percent = (value) => `${(100 * value).toFixed(1)}%`;

export class Meters {
  constructor(place, onReset) {
    this.writtenAt = 0;
    this.bars = {};
    this.cells = {};
    const bars = SIDES.map(([side, name]) => {
      const parts = { rms: h("i.rms"), peak: h("i.peak"), max: h("i.max"), number: h("b.number") };
      parts.clip = h(
        "button.clip",
        {
          type: "button",
          title: "Nothing has clipped. Press to reset the meters",
          "aria-label": `${name}: not clipped. Reset the meters`,
          onclick: onReset,
        },
        "CLIP",
      );
      this.bars[side] = parts;
      return h(
        "div.meter",
        {},
        h("span.side-name", {}, name),
        h("span.bar", {}, parts.rms, parts.peak, parts.max),
        parts.number,
        parts.clip,
      );
    });
    const rows = ROWS.map(([key, name, unit, help]) =>
      h(
        "tr",
        { title: help },
        h("th", { scope: "row" }, name),
        SIDES.map(([side]) => (this.cells[`${side}.${key}`] = h("td", {}, "–"))),
        h("td.unit", {}, unit),
      ),
    );
    place.replaceChildren(
      h("div.bars", {}, bars),
      h(
        "table.levels",
        { "aria-label": "Levels in and out" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("td", {}),
            SIDES.map(([, name]) => h("th", { scope: "col" }, name)),
            h("td", {}),
          ),
        ),
        h("tbody", {}, rows),
      ),
      h("button.small", { type: "button", onclick: onReset }, "Reset meters"),
    );
  }

  show(levels) {
    for (const [side, name] of SIDES) this.#bar(this.bars[side], levels[side] || {}, name);
    const now = performance.now();
    if (now - this.writtenAt < NUMBERS_MS) return;
    this.writtenAt = now;
    for (const [key] of ROWS) {
      for (const [side] of SIDES) write(this.cells[`${side}.${key}`], decibels(levels[side]?.[key]));
    }
    for (const [side] of SIDES) write(this.bars[side].number, decibels(levels[side]?.peak_dbfs));
    showEngine(levels);
  }

  /** Nothing runs: show nothing, and say what turning here is good for. */
  rest() {
    this.writtenAt = 0;
    this.show({ device: "nothing runs; what is set here is used next" });
  }

  #bar(parts, reading, name) {
    parts.rms.style.clipPath = `inset(0 ${percent(1 - share(reading.rms_dbfs))} 0 0)`;
    parts.peak.style.left = percent(share(reading.peak_dbfs));
    parts.max.style.left = percent(share(reading.max_peak_dbfs));
    const clipped = reading.clipped || 0;
    if (parts.clipped === clipped) return;
    parts.clipped = clipped;
    parts.clip.classList.toggle("lit", clipped > 0);
    const words = clipped ? `${clipped} samples at full scale` : "not clipped";
    parts.clip.setAttribute("aria-label", `${name}: ${words}. Reset the meters`);
    parts.clip.title = clipped ? `${words}. Press to reset` : "Nothing has clipped. Press to reset the meters";
  }
}

function showEngine(levels) {
  const { load_pct: load, latency_ms: latency, block_ms: block, xruns, device } = levels;
  fact("load", isNumber(load) ? `${decibels(load)} %` : "");
  fact("latency", isNumber(latency) ? `${decibels(latency)} ms` : "");
  fact("block", isNumber(block) ? `${decibels(block)} ms` : "");
  fact("xruns", isNumber(xruns) ? String(xruns) : "", xruns > 0);
  const away = levels.running === false;
  fact("device", away ? `away: ${device || "nothing runs"}` : device || "", away);
}

const isNumber = (value) => typeof value === "number";

/** Show one figure of the engine; what is not known here, as the load of a call's filter, is left out. */
function fact(id, text, bad = false) {
  const cell = $(id);
  cell.parentElement.hidden = text === "";
  cell.classList.toggle("bad", bad);
  write(cell, text);
}
