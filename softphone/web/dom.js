// Elements, numbers and names: what every part of the page writes with.

/** Make an element: "div.card", its properties, attributes and listeners (`onclick`), its children. */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (key in element && !key.includes("-")) element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Change a text only where it differs: nothing is laid out again for what stays. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let count = 0;
export const newId = (prefix) => `${prefix}-${(count += 1)}`;

/** A number as a person writes it: four digits that matter, no more. */
export function plain(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return String(Number(size >= 1000 ? Number(value).toFixed(size < 1e5 ? 1 : 0) : Number(value).toPrecision(4)));
}

const minus = (text) => text.replace("-", "−");

/** A level for reading: one decimal, a real minus, a dash where there is none. */
export function decibels(value, digits = 1) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return minus((Math.abs(value) < 0.05 ? 0 : value).toFixed(digits));
}

export const signed = (value, digits = 1) => (value > 0 ? "+" : "") + decibels(value, digits);

export function withUnit(value, unit) {
  const text = minus(plain(value));
  return unit ? `${text} ${unit}` : text;
}

/** What a person typed, as a number: "1.5k", "-3", "−3", "2,5"; NaN where it is none. */
export function parseNumber(text) {
  const word = text.trim().replace("−", "-").replace(",", ".").replace(/\s/g, "");
  const found = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(k?)(?:hz|db|ms|s|%)?$/i.exec(word);
  return found ? Number(found[1]) * (found[2] ? 1000 : 1) : NaN;
}

const WORDS = {
  freq: "Frequency",
  low: "Low edge",
  high: "High edge",
  q: "Sharpness (Q)",
  freq_hz: "Frequency",
  low_hz: "Low edge",
  high_hz: "High edge",
  pct: "Percent",
  max: "Most",
  db_per_octave: "Slope",
  on: "On",
};
const UNITS = /_(hz|db|ms|s|pct|percent|dbfs|dbov|dbtp|lufs|bps|octaves)$/;

/** A parameter's name in words: "max_gain_db" is "Max gain". */
export function label(name) {
  if (name in WORDS) return WORDS[name];
  const bare = name.replace(UNITS, "");
  if (bare in WORDS) return WORDS[bare];
  const words = bare.replaceAll("_", " ").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A path in words: "tone.bands.0.gain_db" is "tone band 1 gain". */
export function pathWords(path) {
  const [slot, ...keys] = path.split(".");
  const name = keys.map((key, index) =>
    /^\d+$/.test(key) ? String(Number(key) + 1) : index < keys.length - 1 ? label(key).replace(/s$/, "") : label(key),
  );
  return `${slot} ${name.join(" ").toLowerCase()}`;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

/** Read a value out of a preset's mapping by its path; undefined where there is none. */
export function valueAt(preset, path) {
  const [slot, ...keys] = path.split(".");
  let here = (preset.filter || []).find((each) => each.slot === slot);
  for (const key of keys) here = here === null || here === undefined ? undefined : here[key];
  return here;
}

export function putAt(preset, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  const here = keys.length ? valueAt(preset, keys.join(".")) : undefined;
  if (here !== undefined && here !== null) here[last] = value;
}

export const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

/** Keep *rows* (by each item's *key*) and *place* in step with *items*; *make(item)* makes a row, its `show` fills it. */
export function keepRows(place, rows, items, key, make) {
  const names = new Set(items.map((each) => each[key]));
  for (const [name, row] of rows) {
    if (names.has(name)) continue;
    row.element.remove();
    rows.delete(name);
  }
  items.forEach((each, index) => {
    if (!rows.has(each[key])) rows.set(each[key], make(each));
    const row = rows.get(each[key]);
    row.show(each);
    const there = place.children[index];
    if (there !== row.element) place.insertBefore(row.element, there || null);
  });
}

/** Run *work* now, and once more where it was asked for meanwhile, at most each *gapMs*. */
export function latest(work, gapMs) {
  let wanted = false;
  let busy = false;
  const pump = async () => {
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      try {
        await work();
      } catch {
        // who asks says so; this only sees to it that the next one runs
      }
      await new Promise((done) => setTimeout(done, gapMs));
    }
    busy = false;
  };
  return () => {
    wanted = true;
    pump();
  };
}

/** Draw at most once a frame, and only after something has changed. */
export function onFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** Colour a slider's track from its low end, or from zero where that lies within, to where it stands. */
export function fill(slider, place, low, high) {
  const share = (value) => (value - low) / (high - low);
  const zero = low < 0 && high > 0 ? share(0) : 0;
  const here = place === null ? zero : share(place);
  slider.style.setProperty("--from", `${(100 * Math.min(zero, here)).toFixed(2)}%`);
  slider.style.setProperty("--to", `${(100 * Math.max(zero, here)).toFixed(2)}%`);
}
