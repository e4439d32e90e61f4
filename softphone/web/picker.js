// Dialogs of the Filter tab: choose a preset, add a filter, save under a name.

import { $, h } from "./dom.js";

const ORIGINS = { user: "Yours", packaged: "Packaged", file: "Others" };
const NAME = /^[a-z0-9][a-z0-9-]{0,40}$/;

export class Picker {
  constructor(app, onPreset, onFilter) {
    this.app = app;
    this.onPreset = onPreset;
    this.onFilter = onFilter;
    this.kinds = {};
    for (const kind of ["preset", "add"]) {
      $(`${kind}-find`).addEventListener("input", () => find($(`${kind}-list`), $(`${kind}-find`).value));
    }
  }

  async presets(now) {
    const answer = await this.app.try("presets");
    if (!answer) return;
    const groups = new Map();
    for (const each of answer.presets) {
      const group = ORIGINS[each.origin] || "Others";
      groups.set(group, [...(groups.get(group) || []), each]);
    }
    const order = [...Object.values(ORIGINS)].filter((name) => groups.has(name));
    this.#open(
      "preset",
      order.map((name) => [
        name,
        groups.get(name).map((each) => ({
          title: each.name,
          about: each.about,
          more: each.problem || each.expect,
          off: Boolean(each.problem),
          now: each.name === now,
          go: () => this.onPreset(each.name),
        })),
      ]),
    );
  }

  filters() {
    const groups = new Map();
    for (const [name, kind] of Object.entries(this.kinds)) {
      if (kind.live === false) continue;
      const group = kind.category.charAt(0).toUpperCase() + kind.category.slice(1);
      groups.set(group, [
        ...(groups.get(group) || []),
        { title: name, about: kind.summary, go: () => this.onFilter(name) },
      ]);
    }
    this.#open("add", [...groups]);
  }

  #open(kind, groups) {
    const dialog = $(`${kind}-dialog`);
    const choose = (go) => () => {
      dialog.close();
      go();
    };
    $(`${kind}-list`).replaceChildren(
      ...groups.map(([name, entries]) =>
        h(
          "section",
          {},
          h("h3", {}, name),
          entries.map(({ title, about, more, now, off, go }) =>
            h(
              "button.entry",
              { type: "button", disabled: off, "aria-current": now ? "true" : null, onclick: choose(go) },
              h("b", {}, title),
              about && h("span", {}, about),
              more && h("small.dim", {}, more),
            ),
          ),
        ),
      ),
    );
    $(`${kind}-find`).value = "";
    dialog.showModal();
    dialog.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
  }
}

function find(list, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of list.children) {
    let any = false;
    for (const entry of section.querySelectorAll(".entry")) {
      const there = words.every((word) => entry.textContent.toLowerCase().includes(word));
      entry.hidden = !there;
      any ||= there;
    }
    section.hidden = !any;
  }
}

/** Ask for a name and save: *save(name, force)* throws Refusal; "exists" is answered by an offer to replace it. */
export function askName(app, now, save) {
  const [dialog, field, fault, force] = ["save-dialog", "save-name", "save-fault", "save-force"].map($);
  field.value = NAME.test(now) ? now : "";
  fault.textContent = "";
  force.hidden = true;
  const go = async (replace) => {
    const name = field.value.trim();
    if (!NAME.test(name)) {
      fault.textContent = "Wanted: lower case letters, digits and hyphens, 41 at most, as my-voice.";
      return;
    }
    try {
      await save(name, replace);
      dialog.close();
    } catch (refusal) {
      fault.textContent = refusal.code === "exists" ? `There is a preset ${name} already.` : refusal.message;
      force.hidden = refusal.code !== "exists";
      if (!force.hidden) force.focus();
    }
  };
  $("save-form").onsubmit = (event) => {
    event.preventDefault();
    go(false);
  };
  force.onclick = () => go(true);
  field.oninput = () => (force.hidden = true);
  dialog.showModal();
  field.select();
}
