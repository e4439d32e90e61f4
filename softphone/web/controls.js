// Controls made from the schema: one for each parameter, by its kind.

import { fill, h, label, newId, parseNumber, plain, same, withUnit } from "./dom.js";
import { listOf, numbersOf, pointsOf } from "./lists.js";

const STEPS = 1000;
const TOO_MANY = 1e6;

/** The way between a slider's place and a number, linear or logarithmic. */
function scaleOf(param) {
  const { min, max } = param;
  const whole = param.kind === "integer";
  if (param.log && min > 0) {
    const ratio = Math.log(max / min);
    const snap = (value) => (whole ? Math.round(value) : Number(value.toPrecision(3)));
    return {
      low: 0,
      high: STEPS,
      step: 1,
      place: (value) => Math.round((STEPS * Math.log(value / min)) / ratio),
      value: (place) => Math.min(max, Math.max(min, snap(min * Math.exp((ratio * place) / STEPS)))),
    };
  }
  const step = param.step || (whole ? 1 : 10 ** Math.round(Math.log10((max - min) / STEPS)));
  return { low: min, high: max, step, place: (value) => value, value: (place) => Number(plain(Number(place))) };
}

/**
 * A control for *param* at *path*: {element, show(value), path}.
 * *hand*: {send(path, value), say(text), replace(path, change)}.
 */
export function control(path, param, hand) {
  const made = { path, param, element: null, show: () => {} };
  const id = newId("c");
  const title = label(param.name);
  const help = h("small.help", { id: `${id}-help` }, helpText(param));
  const common = { id, "aria-describedby": help.id };
  const build = BUILDERS[param.kind] || readOnly;
  const { head, body, show, group } = build({ path, param, hand, id, title, common });
  const name = group
    ? h("span.name", { id: `${id}-name` }, title)
    : h("label.name", { htmlFor: id, id: `${id}-name`, title: `${helpText(param)} (${path})` }, title);
  made.element = h(
    "div.control",
    { role: "group", "aria-labelledby": `${id}-name` },
    h("div.line", {}, name, head),
    body,
    help,
  );
  made.element.dataset.path = path;
  made.show = show;
  return made;
}

function helpText(param) {
  const unit = param.unit ? ` ${param.unit}` : "";
  const help = /^[a-z]{2}/.test(param.help) ? param.help.charAt(0).toUpperCase() + param.help.slice(1) : param.help;
  if (param.kind !== "number" && param.kind !== "integer") return help;
  return `${help}${help ? ". " : ""}${plain(param.min)} to ${plain(param.max)}${unit}`.replace(/-(?=\d)/g, "−");
}

function numeric({ path, param, hand, id, title, common }) {
  const scale = scaleOf(param);
  let value = null;
  const slider = h("input", {
    ...common,
    id: `${id}-slider`,
    type: "range",
    min: scale.low,
    max: scale.high,
    step: scale.step,
    "aria-label": title,
    oninput: () => move(scale.value(Number(slider.value))),
    ondblclick: () => reset(),
    onkeydown: (event) => bigStep(event, slider, scale.step, () => move(scale.value(Number(slider.value)))),
  });
  const field = h("input.value", {
    ...common,
    type: "text",
    inputMode: "text",
    autocomplete: "off",
    spellcheck: false,
    size: 7,
    "aria-label": param.unit ? `${title} in ${param.unit}` : title,
    oninput: () => (field.dataset.typing = "yes"),
    onchange: () => typed(),
    onkeydown: (event) => {
      if (event.key === "Escape") {
        show(value);
        event.stopPropagation();
      }
    },
  });
  const auto = param.optional
    ? h(
        "label.auto",
        {},
        h("input", { type: "checkbox", onchange: (event) => move(event.target.checked ? "auto" : middle()) }),
        "auto",
      )
    : null;
  const again = h(
    "button.reset",
    {
      type: "button",
      title: "Back to the default",
      "aria-label": `${title}: back to the default`,
      onclick: () => reset(),
    },
    "↺",
  );

  const isAuto = () => value === null || value === undefined || value === "auto";
  const middle = () => param.default ?? scale.value(scale.low + (scale.high - scale.low) / 2);
  const reset = () => move(param.default ?? "auto");
  function move(next) {
    if (same(next, value)) return;
    show(next);
    hand.send(path, next);
  }
  function typed() {
    const text = field.value.trim().toLowerCase();
    if (param.optional && (text === "auto" || text === "")) return move("auto");
    const number = parseNumber(text);
    if (Number.isNaN(number) || number < param.min || number > param.max) {
      hand.say(
        `${title} must be ${withUnit(param.min, "")} to ${withUnit(param.max, param.unit)}, got “${field.value}”.`,
        "bad",
      );
      return show(value);
    }
    return move(param.kind === "integer" ? Math.round(number) : number);
  }
  function show(next) {
    value = next;
    const automatic = isAuto();
    if (auto) auto.firstChild.checked = automatic;
    slider.disabled = automatic;
    again.classList.toggle("there", same(automatic ? null : value, param.default ?? null));
    const text = automatic ? "auto" : plain(value);
    if (field.value !== text) field.value = text;
    delete field.dataset.typing;
    if (!automatic) slider.value = scale.place(value);
    slider.setAttribute("aria-valuetext", automatic ? "auto" : withUnit(value, param.unit));
    fill(slider, automatic ? null : Number(slider.value), scale.low, scale.high);
  }
  const head = [
    auto,
    h("span.number", {}, field, param.unit ? h("span.unit", { "aria-hidden": "true" }, param.unit) : null),
    again,
  ];
  const bare = scale.high - scale.low > TOO_MANY; // a slider cannot choose among so many, as the seed of a noise
  return { head, body: bare ? null : slider, show };
}

/** Page and Shift-arrow keys go ten steps, and never ten per cent of a range as a browser would. */
function bigStep(event, slider, step, moved) {
  const up =
    { PageUp: 1, PageDown: -1 }[event.key] ??
    (event.shiftKey ? { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key] : undefined);
  if (!up) return;
  event.preventDefault();
  slider.value = Number(slider.value) + up * 10 * step;
  moved();
}

function choiceOf({ path, param, hand, common, title }) {
  const select = h(
    "select",
    { ...common, "aria-label": title, onchange: () => hand.send(path, select.value) },
    param.options.map((each) => h("option", { value: each }, each)),
  );
  return { head: select, body: null, show: (value) => (select.value = value) };
}

function flagOf({ path, hand, common, title }) {
  const box = h("input.switch", {
    ...common,
    type: "checkbox",
    "aria-label": title,
    role: "switch",
    onchange: () => hand.send(path, box.checked),
  });
  return { head: box, body: null, show: (value) => (box.checked = Boolean(value)) };
}

function textOf({ path, hand, common, title }) {
  const field = h("input.value", {
    ...common,
    type: "text",
    autocomplete: "off",
    "aria-label": title,
    onchange: () => hand.send(path, field.value),
  });
  return { head: field, body: null, show: (value) => (field.value = value ?? "") };
}

function readOnly({ id, title }) {
  const field = h("output.file", { id, "aria-label": title });
  return { head: field, body: null, show: (value) => (field.textContent = value ? String(value) : "none") };
}

const BUILDERS = {
  number: numeric,
  integer: numeric,
  choice: choiceOf,
  flag: flagOf,
  text: textOf,
  file: readOnly,
  numbers: numbersOf,
  points: pointsOf,
  items: listOf(control),
};
