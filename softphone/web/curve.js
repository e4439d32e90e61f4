// The picture of the filter: its response over a logarithmic frequency axis, the live spectra behind it, points to drag.

import { decibels, h, onFrame, plain, signed, withUnit } from "./dom.js";

const LOW_HZ = 20;
const FLOOR_DB = -100;
const TICKS = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000];
const NARROW_TICKS = new Set([50, 200, 1000, 5000]);
const EDGE = { left: 34, right: 40, top: 8, bottom: 20 };

export class Curve {
  /** *onPoint(point, {freq_hz, gain_db, q})* is told what the hand does to a point. */
  constructor(canvas, layer, onPoint) {
    this.canvas = canvas;
    this.layer = layer;
    this.onPoint = onPoint;
    this.response = null;
    this.spectrum = null;
    this.points = [];
    this.highHz = 24000;
    this.top = 12;
    this.draw = onFrame(() => this.#draw());
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.restyle();
  }

  /** Colours are those of the style sheet; called again when dark becomes light. */
  restyle() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    this.ink = Object.fromEntries(
      ["grid", "dim", "ref", "deg", "line"].map((name) => [name, read(`--${name}`)]),
    );
    this.draw();
  }

  setResponse(freqs, gains, leftOut) {
    this.response = { freqs, gains };
    const seen = freqs.map((hz, index) => [hz, gains[index]]).filter(([hz, db]) => hz >= LOW_HZ && Number.isFinite(db));
    this.highHz = Math.max(4000, freqs.at(-1) || 0);
    const most = Math.max(0, ...seen.map(([, db]) => db), ...this.points.map((point) => point.gain_db ?? 0));
    this.top = most <= 11 ? 12 : most <= 23 ? 24 : 48;
    this.#describe(seen, leftOut);
    this.#place();
    this.draw();
  }

  setSpectrum(hz, before, after) {
    this.spectrum = { hz, before, after };
    this.draw();
  }

  clearSpectrum() {
    if (!this.spectrum) return;
    this.spectrum = null;
    this.draw();
  }

  #describe(seen, leftOut) {
    if (!seen.length) return;
    const by = (pick) => seen.reduce((best, each) => (pick(each[1], best[1]) ? each : best));
    const words = ([hz, db]) => `${signed(db)} dB at ${Math.round(hz)} Hz`;
    const out = leftOut.length ? `. Not in it: ${leftOut.join(", ")}` : "";
    this.canvas.setAttribute(
      "aria-label",
      `Frequency response: highest ${words(by((a, b) => a > b))}, lowest ${words(by((a, b) => a < b))}${out}`,
    );
  }

  get bottom() {
    return this.top === 12 ? -36 : -48;
  }

  #x(hz) {
    return EDGE.left + (this.width - EDGE.left - EDGE.right) * (Math.log(hz / LOW_HZ) / Math.log(this.highHz / LOW_HZ));
  }

  #hz(x) {
    const share = (x - EDGE.left) / (this.width - EDGE.left - EDGE.right);
    return LOW_HZ * (this.highHz / LOW_HZ) ** Math.min(1, Math.max(0, share));
  }

  #y(db) {
    return EDGE.top + (this.height - EDGE.top - EDGE.bottom) * ((this.top - db) / (this.top - this.bottom));
  }

  #db(y) {
    return this.top - ((y - EDGE.top) / (this.height - EDGE.top - EDGE.bottom)) * (this.top - this.bottom);
  }

  #level(db) {
    return EDGE.top + (this.height - EDGE.top - EDGE.bottom) * (Math.max(FLOOR_DB, Math.min(0, db)) / FLOOR_DB);
  }

  /** *points*: {key, name, freq_hz, gain_db or null, q or null, on}; what is dragged stays under the hand. */
  setPoints(points) {
    const before = new Map(this.points.map(({ key, button }) => [key, button]));
    this.points = points.map((point) => ({ ...point, button: before.get(point.key) || this.#button(point) }));
    const there = new Set(this.points.map(({ key }) => key));
    for (const [key, button] of before) if (!there.has(key)) button.remove();
    for (const { key, button } of this.points) if (!before.has(key)) this.layer.append(button);
    this.#place();
  }

  #place() {
    if (!this.width) return;
    for (const { button, name, freq_hz, gain_db, on } of this.points) {
      const x = Math.min(this.width - EDGE.right, Math.max(EDGE.left, this.#x(freq_hz)));
      const y = Math.min(this.height - EDGE.bottom, Math.max(EDGE.top, this.#y(gain_db ?? 0)));
      button.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%)`;
      button.classList.toggle("off", !on);
      const gain = gain_db === null ? "" : `, ${signed(gain_db)} dB`;
      const words = `${name}: ${withUnit(Math.round(freq_hz), "Hz")}${gain}`;
      if (button.title !== words) {
        button.title = words;
        button.setAttribute("aria-label", `${words}. Arrow keys move it.`);
      }
    }
  }

  #button(point) {
    const button = h("button.point", { type: "button" }, h("i", {}, point.mark));
    const now = () => this.points.find(({ key }) => key === point.key);
    const move = (change) => this.onPoint(now(), change);
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      event.preventDefault();
      button.focus();
    });
    button.addEventListener("pointermove", (event) => {
      if (!button.hasPointerCapture(event.pointerId)) return;
      const box = this.canvas.getBoundingClientRect();
      const change = { freq_hz: Number(this.#hz(event.clientX - box.left).toPrecision(3)) };
      if (now().gain_db !== null) change.gain_db = Number(this.#db(event.clientY - box.top).toFixed(1));
      move(change);
    });
    button.addEventListener("keydown", (event) => {
      const factor = event.shiftKey ? 10 : 1;
      const { freq_hz, gain_db, q } = now();
      const turn = (by) => Number((freq_hz * 2 ** ((by * factor) / 48)).toPrecision(3));
      const lift = (by) => (gain_db === null ? {} : { gain_db: Number((gain_db + by * factor * 0.5).toFixed(1)) });
      const change = {
        ArrowLeft: () => ({ freq_hz: turn(-1) }),
        ArrowRight: () => ({ freq_hz: turn(1) }),
        ArrowUp: () => lift(1),
        ArrowDown: () => lift(-1),
        "+": () => (q === null ? {} : { q: Number((q * 1.1).toPrecision(3)) }),
        "-": () => (q === null ? {} : { q: Number((q / 1.1).toPrecision(3)) }),
      }[event.key]?.();
      if (!change) return;
      event.preventDefault();
      move(change);
    });
    button.addEventListener(
      "wheel",
      (event) => {
        if (now().q === null || document.activeElement !== button) return;
        event.preventDefault();
        move({ q: Number((now().q * 1.1 ** -Math.sign(event.deltaY)).toPrecision(3)) });
      },
      { passive: false },
    );
    return button;
  }

  #resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    [this.width, this.height] = [box.width, box.height];
    [this.canvas.width, this.canvas.height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    this.ratio = ratio;
    this.#place();
    this.#draw();
  }

  #draw() {
    if (!this.width) return;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    this.#grid(pen);
    pen.save();
    pen.beginPath();
    pen.rect(EDGE.left, EDGE.top, this.width - EDGE.left - EDGE.right, this.height - EDGE.top - EDGE.bottom);
    pen.clip();
    if (this.spectrum) {
      this.#spectrum(pen, this.spectrum.before, this.ink.ref, true);
      this.#spectrum(pen, this.spectrum.after, this.ink.deg, false);
    }
    if (this.response) this.#line(pen);
    pen.restore();
  }

  #grid(pen) {
    const [right, foot] = [this.width - EDGE.right, this.height - EDGE.bottom];
    pen.font = "11px system-ui, sans-serif";
    pen.lineWidth = 1;
    pen.fillStyle = this.ink.dim;
    pen.textBaseline = "middle";
    for (let db = this.bottom; db <= this.top; db += 12) {
      const y = Math.round(this.#y(db)) + 0.5;
      pen.strokeStyle = db === 0 ? this.ink.ref : this.ink.grid;
      stroke(pen, EDGE.left, y, right, y);
      pen.textAlign = "right";
      pen.fillText(signed(db, 0), EDGE.left - 5, y);
    }
    pen.textAlign = "left";
    for (let level = 0; level >= FLOOR_DB && this.spectrum; level -= 20) {
      pen.fillText(decibels(level, 0), right + 5, this.#level(level));
    }
    pen.textBaseline = "top";
    pen.textAlign = "center";
    const narrow = this.width < 480;
    for (const hz of TICKS.filter((each) => each <= this.highHz)) {
      const x = Math.round(this.#x(hz)) + 0.5;
      pen.strokeStyle = this.ink.grid;
      stroke(pen, x, EDGE.top, x, foot);
      if (!narrow || NARROW_TICKS.has(hz)) pen.fillText(hz >= 1000 ? `${hz / 1000}k` : plain(hz), x, foot + 5);
    }
    pen.textAlign = "left";
    pen.fillText("Hz", right + 5, foot + 5);
  }

  #spectrum(pen, levels, colour, filled) {
    const { hz } = this.spectrum;
    pen.beginPath();
    for (let index = 0; index < hz.length; index += 1) {
      if (hz[index] >= LOW_HZ) pen.lineTo(this.#x(hz[index]), this.#level(levels[index] ?? FLOOR_DB));
    }
    pen.globalAlpha = filled ? 0.28 : 0.9;
    if (filled) {
      pen.lineTo(this.#x(hz.at(-1)), this.height);
      pen.lineTo(this.#x(Math.max(LOW_HZ, hz[0])), this.height);
      pen.fillStyle = colour;
      pen.fill();
    } else {
      pen.strokeStyle = colour;
      pen.lineWidth = 1.2;
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  #line(pen) {
    const { freqs, gains } = this.response;
    pen.beginPath();
    freqs.forEach((hz, index) => {
      if (hz >= LOW_HZ / 2)
        pen.lineTo(this.#x(hz), this.#y(Math.max(this.bottom - 6, gains[index] ?? this.bottom - 6)));
    });
    pen.strokeStyle = this.ink.line;
    pen.lineWidth = 2.5;
    pen.lineJoin = "round";
    pen.stroke();
  }
}

export function stroke(pen, x, y, toX, toY) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(toX, toY);
  pen.stroke();
}
