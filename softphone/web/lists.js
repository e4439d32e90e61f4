// Editors of what has many values: a row of gains, the points of a curve, a list of bands.

import { fill, h, label, parseNumber, plain, same, withUnit } from "./dom.js";

const OCTAVES = ["31.5", "63", "125", "250", "500", "1k", "2k", "4k", "8k", "16k"];
const THIRDS = (
  "20 25 31.5 40 50 63 80 100 125 160 200 250 315 400 500 630 800 1k 1.25k 1.6k 2k 2.5k 3.15k 4k 5k 6.3k 8k 10k " +
  "12.5k 16k 20k"
).split(" ");

/** `numbers`: a slider each. Ten or 31 gains are a graphic equaliser's, with the frequencies of its bands. */
export function numbersOf({ path, param, hand, title }) {
  const row = h("div.faders", {});
  let values = [];
  let inputs = [];
  const names = () => {
    if (param.unit !== "dB") return values.map((_, index) => String(index + 1));
    if (values.length === OCTAVES.length) return OCTAVES;
    return values.length === THIRDS.length ? THIRDS : values.map((_, index) => String(index + 1));
  };
  const sizes = param.counts[0] === OCTAVES.length && param.counts[1] === THIRDS.length ? [10, 31] : null;
  const step = (param.max - param.min) / 400;

  function build() {
    inputs = values.map((_, index) => {
      const name = sizes ? `${names()[index]} Hz` : `${title} ${index + 1}`;
      const place = `${path}.${index}`;
      const number = h("span.unit", { "aria-hidden": "true" });
      const slider = h("input", {
        type: "range",
        min: param.min,
        max: param.max,
        step,
        "aria-label": name,
        oninput: () => {
          values[index] = Number(plain(Number(slider.value)));
          paint(index);
          hand.send(place, values[index]);
        },
        ondblclick: () => {
          values[index] = 0;
          paint(index);
          hand.send(place, 0);
        },
      });
      const fader = h("label.fader", {}, number, slider, h("span.unit", { "aria-hidden": "true" }, names()[index]));
      fader.dataset.path = place;
      return { slider, number, fader };
    });
    row.replaceChildren(...inputs.map(({ fader }) => fader));
    values.forEach((_, index) => paint(index));
  }
  function paint(index) {
    const { slider, number } = inputs[index];
    slider.value = values[index];
    slider.setAttribute("aria-valuetext", withUnit(values[index], param.unit));
    fill(slider, values[index], param.min, param.max);
    number.textContent = withUnit(values[index], "");
  }
  function show(next) {
    const rebuild = !next || next.length !== values.length;
    const old = values;
    values = [...(next || [])];
    if (rebuild) build();
    else values.forEach((value, index) => value !== old[index] && paint(index));
  }
  function resize(count) {
    hand.replace(path, () => Array.from({ length: count }, (_, index) => values[index] ?? 0));
  }
  const buttons = sizes
    ? sizes.map((size) => h("button.small", { type: "button", onclick: () => resize(size) }, `${size} bands`))
    : [
        h(
          "button.small",
          { type: "button", onclick: () => values.length < param.counts[1] && resize(values.length + 1) },
          "Add",
        ),
        h(
          "button.small",
          { type: "button", onclick: () => values.length > param.counts[0] && resize(values.length - 1) },
          "Remove last",
        ),
      ];
  return { head: buttons, body: row, show, group: true };
}

/** `points`: a curve drawn by hand, as rows of x and y. */
export function pointsOf({ path, param, hand, title }) {
  const rows = h("div.rows", {});
  const place = param.x || { min: 0, max: 1, unit: "" };
  let points = [];
  function change(next) {
    const sorted = [...next].sort((a, b) => a[0] - b[0]);
    if (sorted.some((point, index) => index && point[0] === sorted[index - 1][0])) {
      hand.say(`Two points at ${withUnit(sorted[0][0], place.unit)}: each needs its own ${place.unit || "x"}.`, "bad");
      return show(points, true);
    }
    show(sorted);
    return hand.send(path, sorted);
  }
  function field(index, axis, range, name) {
    const input = h("input.value", {
      type: "text",
      size: 6,
      value: plain(points[index][axis]),
      "aria-label": `${title}, point ${index + 1}: ${name}${range.unit ? ` in ${range.unit}` : ""}`,
      onchange: () => {
        const number = parseNumber(input.value);
        if (Number.isNaN(number) || number < range.min || number > range.max) {
          hand.say(`Wanted ${plain(range.min)} to ${withUnit(range.max, range.unit)}, got “${input.value}”.`, "bad");
          input.value = plain(points[index][axis]);
          return;
        }
        change(points.map((point, at) => (at !== index ? point : axis ? [point[0], number] : [number, point[1]])));
      },
    });
    return h("span.number", {}, input, h("span.unit", { "aria-hidden": "true" }, range.unit));
  }
  function show(next, force = false) {
    const given = (next || []).map((point) => [...point]);
    if (!force && same(given, points) && rows.childElementCount === given.length) return;
    points = given;
    rows.replaceChildren(
      ...points.map((_, index) =>
        h(
          "div.row",
          {},
          field(index, 0, place, "where"),
          field(index, 1, param, "how much"),
          h(
            "button.small",
            {
              type: "button",
              "aria-label": `Remove point ${index + 1}`,
              onclick: () => change(points.filter((_point, at) => at !== index)),
            },
            "Remove",
          ),
        ),
      ),
    );
  }
  function add() {
    const last = points.at(-1);
    const x = !last ? 1000 : Math.min(place.max, last[0] * 2);
    if (points.length >= param.counts[1] || (last && x <= last[0]))
      return hand.say("No room for another point.", "bad");
    return change([...points, [Math.max(place.min, x), last ? last[1] : 0]]);
  }
  const button = h("button.small", { type: "button", onclick: add }, "Add a point");
  return { head: button, body: rows, show, group: true };
}

/** `items`: a list of parameter sets, such as the bands of an equaliser; *control* makes the parts. */
export function listOf(control) {
  return ({ path, param, hand, title }) => {
    const rows = h("div.items", {});
    const one = title.replace(/s$/, "");
    let parts = [];
    const bare = () =>
      Object.fromEntries(param.item.filter((each) => each.default !== null).map((each) => [each.name, each.default]));
    function remove(index) {
      hand.replace(path, (list) => list.filter((_, at) => at !== index));
    }
    function build(list) {
      parts = list.map((_, index) => {
        const inner = param.item.map((each) => control(`${path}.${index}.${each.name}`, each, hand));
        const box = h(
          "fieldset.item",
          {},
          h("legend", {}, `${one} ${index + 1}`),
          h(
            "div.controls",
            {},
            inner.map(({ element }) => element),
          ),
          h(
            "button.small",
            { type: "button", "aria-label": `Remove ${one.toLowerCase()} ${index + 1}`, onclick: () => remove(index) },
            "Remove",
          ),
        );
        return { inner, box };
      });
      rows.replaceChildren(...parts.map(({ box }) => box));
    }
    function show(list = []) {
      if (list.length !== parts.length) build(list);
      parts.forEach(({ inner }, index) =>
        inner.forEach((each) => {
          if (!hand.holds(each.path)) each.show(list[index][each.param.name]);
        }),
      );
    }
    const add = h(
      "button.small",
      {
        type: "button",
        onclick: () => hand.replace(path, (list) => (list.length < param.counts[1] ? [...list, bare()] : list)),
      },
      `Add a ${label(one).toLowerCase()}`,
    );
    return { head: add, body: rows, show, group: true, parts: () => parts };
  };
}
