// The cards of the Filter tab: one for each filter of the preset, with its switch, its meters and its controls.

import { control } from "./controls.js";
import { decibels, h, label, newId, valueAt, withUnit, write } from "./dom.js";

const FLASH_MS = 2500;
const MOST_REDUCTION_DB = 24;
const NUMBERS_MS = 250;
const NARROW = "(max-width: 36rem)";

export class Slots {
  /** *rearrange(change)* is given a function from the old list of filters to the new one. */
  constructor(place, hand, rearrange) {
    this.place = place;
    this.hand = hand;
    this.rearrange = rearrange;
    this.cards = [];
    this.kinds = {};
    this.writtenAt = 0;
  }

  /** Show *preset*; cards stay where its filters are the same ones. */
  show(preset, force = false) {
    const filters = preset.filter || [];
    const shape = filters.map(({ type, slot }) => `${type} ${slot}`).join();
    if (shape !== this.shape) {
      this.shape = shape;
      this.cards = filters.map((each, index) => this.#card(each, index, filters.length));
      this.place.replaceChildren(
        ...(this.cards.length
          ? this.cards.map(({ element }) => element)
          : [h("p.empty", {}, "No filter: the sound passes as it is. Add one, or choose a preset.")]),
      );
    }
    this.preset = preset;
    this.cards.forEach((card, index) => {
      const values = filters[index];
      if (force || !this.hand.holds(card.bypassPath)) this.#switch(card, !values.bypass);
      for (const each of card.controls) {
        if (force || !this.hand.holds(each.path)) each.show(values[each.param.name]);
      }
      this.#relate(card);
    });
  }

  /** Show one value that has changed by other means than its control. */
  showOne(path, value) {
    const card = this.#cardOf(path);
    if (!card) return;
    if (path === card.bypassPath) this.#switch(card, !value);
    for (const each of card.controls) {
      if (path === each.path) each.show(value);
      else if (path.startsWith(`${each.path}.`)) each.show(valueAt(this.preset, each.path));
    }
    this.#relate(card);
  }

  /** A value of the hand's may make other controls of no use, or of use again. */
  related(path) {
    const card = this.#cardOf(path);
    if (card) this.#relate(card);
  }

  paramAt(path) {
    const [slot, ...keys] = path.split(".");
    let params = this.kinds[this.preset.filter.find((each) => each.slot === slot)?.type]?.parameters || [];
    let found = null;
    for (const key of keys) {
      if (/^\d+$/.test(key)) continue;
      found = params.find(({ name }) => name === key) || null;
      params = found?.item || [];
    }
    return found;
  }

  /** *value* of *path* in words. */
  said(path, value) {
    if (path.endsWith(".bypass")) return value ? "off" : "on";
    if (typeof value === "number") return withUnit(value, this.paramAt(path)?.unit || "");
    if (typeof value === "boolean") return value ? "on" : "off";
    return value === null ? "auto" : typeof value === "string" ? value : "changed";
  }

  /** Say at the control itself who has changed it. */
  flash(path, who, kind = "") {
    const found = this.place.querySelectorAll("[data-path]");
    const [slot] = path.split(".");
    let best = null;
    for (const each of found) {
      const here = each.dataset.path;
      if (
        each.checkVisibility() &&
        (path === here || path.startsWith(`${here}.`) || here === `${slot}.bypass`) &&
        (!best || best.contains(each))
      )
        best = each;
    }
    if (!best) return;
    best.classList.remove("flash", "bad-flash");
    best.querySelector(":scope > .by")?.remove();
    best.append(h("span.by", { "aria-hidden": "true" }, who));
    best.classList.add(kind === "bad" ? "bad-flash" : "flash");
    clearTimeout(best.flashing);
    best.flashing = setTimeout(() => {
      best.classList.remove("flash", "bad-flash");
      best.querySelector(":scope > .by")?.remove();
    }, FLASH_MS);
  }

  meters(levels) {
    const now = performance.now();
    const write_ = now - this.writtenAt > NUMBERS_MS;
    if (write_) this.writtenAt = now;
    for (const card of this.cards) {
      const reduction = levels.gain_reduction_db?.[card.slot];
      const gate = levels.gates?.[card.slot];
      card.reduction.hidden = reduction === undefined;
      card.gate.hidden = gate === undefined;
      if (reduction !== undefined) {
        const share = Math.min(1, Math.abs(reduction) / MOST_REDUCTION_DB);
        card.reductionBar.style.transform = `scaleX(${share.toFixed(3)})`;
        if (write_) write(card.reductionText, `${decibels(-Math.abs(reduction))} dB`);
      }
      if (gate !== undefined) {
        card.gate.classList.toggle("open", gate > 0.5);
        if (write_) write(card.gateText, gate > 0.5 ? "open" : "shut");
      }
      if (write_) this.#readings(card, levels.readings || {});
    }
  }

  #readings(card, readings) {
    const shown = card.readingsOf.filter(({ name }) => !["gain_reduction_db", "open"].includes(name));
    for (const { name, unit } of shown) {
      const value = readings[`${card.slot}.${name}`];
      const cell = card.cells[name];
      cell.parentElement.hidden = value === undefined || value === "";
      if (value === undefined) continue;
      write(cell, typeof value === "number" ? withUnit(Number(value.toFixed(1)), unit) : String(value));
    }
  }

  #cardOf(path) {
    return this.cards.find(({ slot }) => path.startsWith(`${slot}.`));
  }

  #switch(card, on) {
    card.onOff.checked = on;
    card.element.classList.toggle("off", !on);
  }

  /** Of an edge filter either one frequency counts or two: the others are hidden. */
  #relate(card) {
    const by = Object.fromEntries(card.controls.map((each) => [each.param.name, each]));
    if (!(by.kind && by.freq_hz && by.low_hz && by.high_hz)) return;
    const two = /^band/.test(valueAt(this.preset, by.kind.path) || "");
    by.freq_hz.element.hidden = two;
    by.low_hz.element.hidden = !two;
    by.high_hz.element.hidden = !two;
  }

  #card({ type, slot }, index, count) {
    const kind = this.kinds[type] || { parameters: [], readings: [] };
    const id = newId("slot");
    const card = { slot, bypassPath: `${slot}.bypass`, readingsOf: kind.readings || [], cells: {} };
    card.controls = kind.parameters.map((param) => control(`${slot}.${param.name}`, param, this.hand));
    card.onOff = h("input.switch", {
      type: "checkbox",
      role: "switch",
      "aria-label": `${slot} on`,
      onchange: () => {
        card.element.classList.toggle("off", !card.onOff.checked);
        this.hand.send(card.bypassPath, !card.onOff.checked);
      },
    });
    card.reductionBar = h("i");
    card.reductionText = h("b");
    card.reduction = h(
      "span.reduction",
      { hidden: true, title: "Gain reduction" },
      h("span", {}, "takes back"),
      h("span.track", {}, card.reductionBar),
      card.reductionText,
    );
    card.gateText = h("b");
    card.gate = h("span.gate", { hidden: true }, h("i"), h("span", {}, "gate "), card.gateText);
    const readings = card.readingsOf.map(({ name, help }) => {
      card.cells[name] = h("b");
      return h("span.reading", { hidden: true, title: help }, `${readingName(name)} `, card.cells[name]);
    });
    const guard = (name, ...inside) =>
      h("fieldset.bare", { disabled: !this.hand.may() }, h("legend.hidden", {}, name), inside);
    const open = !(matchMedia(NARROW).matches && count > 2 && index > 0);
    const body = h(
      "div",
      { id: `${id}-body`, hidden: !open },
      guard(
        `Controls of ${slot}`,
        h(
          "div.controls",
          {},
          card.controls.map(({ element }) => element),
        ),
      ),
    );
    const fold = h(
      "button.fold",
      {
        type: "button",
        "aria-expanded": String(open),
        "aria-controls": body.id,
        "aria-label": `Controls of ${slot}`,
        onclick: () => {
          body.hidden = !body.hidden;
          fold.setAttribute("aria-expanded", String(!body.hidden));
        },
      },
      h("span.arrow", { "aria-hidden": "true" }),
    );
    const tool = (words, text, change, off) =>
      h(
        "button.tool",
        {
          type: "button",
          "aria-label": `${words} ${slot}`,
          title: `${words} ${slot}`,
          disabled: off,
          onclick: () => this.rearrange(change),
        },
        text,
      );
    card.element = h(
      "section.slot.card",
      { "aria-labelledby": `${id}-title` },
      h(
        "header",
        {},
        guard(`Switch of ${slot}`, card.onOff),
        h(
          "div.title",
          { onclick: () => fold.click() },
          h("h3", { id: `${id}-title` }, slot),
          h("p.dim", {}, slot === type ? "" : h("b", {}, `${type}: `), kind.summary || ""),
        ),
        h(
          "div.tools",
          {},
          guard(
            `Place of ${slot}`,
            tool("Earlier in the row:", "↑", (list) => moved(list, index, -1), index === 0),
            tool("Later in the row:", "↓", (list) => moved(list, index, 1), index === count - 1),
            tool("Remove", "×", (list) => list.filter((_, at) => at !== index)),
          ),
          fold,
        ),
      ),
      h("div.live", {}, card.reduction, card.gate, readings),
      body,
    );
    card.element.dataset.path = card.bypassPath;
    return card;
  }
}

function moved(list, index, by) {
  const next = [...list];
  const [one] = next.splice(index, 1);
  next.splice(index + by, 0, one);
  return next;
}

const readingName = (name) => label(name).toLowerCase();
