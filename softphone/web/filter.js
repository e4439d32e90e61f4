// The Filter tab: one chain's presets, switches and controls, kept the same as the server has them.

import { Curve } from "./curve.js";
import { showDesk } from "./desk.js";
import { $, h, latest, pathWords, plain, putAt, same, valueAt, write } from "./dom.js";
import { Meters } from "./meters.js";
import { Picker, askName } from "./picker.js";
import { bandPoints } from "./points.js";
import { Sender } from "./sender.js";
import { Slots } from "./slots.js";

const LEVELS_HZ = 20;
const SPECTRUM_HZ = 12;
const CALM_HZ = 4;
const SILENT_MS = 1500;

export class FilterTab {
  constructor(app) {
    this.app = app;
    this.chain = null;
    this.state = null;
    this.subscribed = false;
    this.sender = new Sender({
      ask: (op, args) => this.ask(op, args),
      preset: () => this.state?.preset || {},
      onDone: (changes, result) => this.#changed(changes, result),
      onRefused: (paths, refusal) => this.#refused(paths, refusal),
    });
    const hand = {
      send: (path, value) => this.#send(path, value),
      replace: (path, change) => this.#replace(path, change),
      holds: (path) => this.sender.holds(path),
      may: app.mayChange,
      say: app.say,
    };
    this.slots = new Slots($("slots"), hand, (change) => this.#rearrange(change));
    this.curve = new Curve($("curve"), $("points"), (point, change) => this.#dragged(point, change));
    this.meters = new Meters($("meters"), () => this.app.try("reset_meters", this.#where()));
    this.refresh = latest(() => this.#get(), 250);
    this.respond = latest(() => this.#response(), 60);
    this.picker = new Picker(
      app,
      (name) => this.#load(name),
      (type) => this.#rearrange((list) => [...list, { type }]),
    );
    this.#listen();
  }

  ask(op, args = {}) {
    return this.app.ask(op, { ...args, ...this.#where() });
  }

  #where() {
    return this.chain ? { chain: this.chain } : {};
  }

  #listen() {
    $("preset").addEventListener("click", () => this.picker.presets(this.state?.name));
    $("add").addEventListener("click", () => this.picker.filters());
    $("undo").addEventListener("click", () => this.#step("undo"));
    $("redo").addEventListener("click", () => this.#step("redo"));
    $("save").addEventListener("click", () =>
      askName(this.app, this.state.name, (name, force) => this.#save(name, force)),
    );
    for (const id of ["ab-a", "ab-b"]) $(id).addEventListener("change", () => this.#bypass($("ab-b").checked));
    $("ab-match").addEventListener("change", () => this.#bypass($("ab-b").checked));
    document.addEventListener("keydown", (event) => this.#keys(event));
  }

  #keys(event) {
    if (this.app.shown !== "filter" || $("work").hidden || document.querySelector("dialog[open]")) return;
    if (!this.app.mayChange() || !this.chain || event.altKey) return;
    const writing = event.target.matches?.("input[type=text], input[type=search], textarea, select");
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      if (writing && "typing" in event.target.dataset) return; // the browser takes back what was typed
      event.preventDefault();
      this.#step(key === "y" || event.shiftKey ? "redo" : "undo");
    } else if (key === "b" && !writing) this.#bypass(!$("ab-b").checked);
  }

  async onWelcome(welcome, schema) {
    this.kinds = schema.filters;
    this.picker.kinds = schema.filters;
    this.slots.kinds = schema.filters;
    if (this.role !== welcome.role) this.slots.shape = null; // other guards
    this.role = welcome.role;
    const chains = welcome.chains || [];
    if (!chains.some(({ name }) => name === this.chain)) {
      this.chain = chains[0]?.name ?? null;
      this.sender.forget();
    }
    this.#showChains(chains);
    this.subscribed = false;
    if (!this.chain) return;
    await this.#get(true);
    for (const [path, mine, theirs] of this.sender.resume()) {
      this.app.say(
        `${pathWords(path)} was changed to ${plain(theirs) || theirs} while you were away; you had moved it to ${plain(mine) || mine}.`,
        "",
        ["Use mine", () => this.#send(path, mine)],
      );
    }
    await this.#subscribe();
  }

  onLink(here) {
    if (!here) {
      this.sender.pause();
      clearInterval(this.watch);
      this.subscribed = false;
      this.curve.clearSpectrum();
    }
  }

  onShown() {
    if (this.app.wire?.state === "here") this.#subscribe().catch(() => {});
  }

  onEvent(event, body) {
    if (body.chain && body.chain !== this.chain) {
      if (event === "changes") this.app.note(body.who, `changed ${body.chain}`);
      return;
    }
    if (event === "levels" && this.app.seen("filter")) {
      this.levelsAt = performance.now();
      this.meters.show(body);
      this.slots.meters(body);
    } else if (event === "spectrum" && this.app.seen("filter")) this.#spectrum(body);
    else if (event === "changes") this.#others(body);
  }

  restyle() {
    this.curve.restyle();
  }

  /** Levels and spectra only while they are seen. */
  async #subscribe() {
    const wanted = this.app.seen("filter");
    if (wanted === this.subscribed || !this.chain) return;
    this.subscribed = wanted;
    clearInterval(this.watch);
    if (!wanted) {
      await this.app.ask("unsubscribe", { topics: ["levels", "spectrum"] });
      return;
    }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    await this.ask("subscribe", { topics: ["levels"], rate_hz: calm ? CALM_HZ : LEVELS_HZ });
    this.levelsAt = performance.now();
    this.watch = setInterval(() => this.#rest(), SILENT_MS);
    const answer = await this.ask("subscribe", { topics: ["spectrum"], rate_hz: calm ? CALM_HZ : SPECTRUM_HZ });
    if (answer.first?.spectrum) this.#spectrum(answer.first.spectrum);
  }

  /** A call that has ended tells no more levels. */
  #rest() {
    if (performance.now() - this.levelsAt < SILENT_MS) return;
    this.meters.rest();
    this.curve.clearSpectrum();
  }

  #spectrum({ hz, in_db: before, out_db: after }) {
    if (hz) this.hz = hz;
    if (this.hz && before) this.curve.setSpectrum(this.hz, before, after);
  }

  #showChains(chains) {
    const place = $("chains");
    place.hidden = chains.length < 2;
    place.replaceChildren(
      h("legend.hidden", {}, "Which sound"),
      ...chains.map(({ name, label: words }) =>
        h(
          "label",
          {},
          h("input", {
            type: "radio",
            name: "chain",
            value: name,
            checked: name === this.chain,
            onchange: () => this.#toChain(name),
          }),
          h("span", {}, words || name),
        ),
      ),
    );
  }

  async #toChain(name) {
    await this.sender.settle();
    this.sender.forget();
    if (this.subscribed) await this.app.ask("unsubscribe", { topics: ["levels", "spectrum"] }).catch(() => {});
    this.subscribed = false;
    this.chain = name;
    this.hz = null;
    this.curve.clearSpectrum();
    await this.#get(true).catch(this.app.fault);
    await this.#subscribe().catch(() => {});
  }

  async #get(whole = false) {
    const { chain } = this;
    const state = await this.ask("get");
    if (chain !== this.chain) return;
    const before = this.state;
    for (const path of [...this.sender.wanted.keys(), ...this.sender.under.keys()]) {
      if (!whole) putAt(state.preset, path, valueAt(before.preset, path));
    }
    this.state = state;
    this.slots.show(state.preset, whole);
    showDesk(this.state);
    if (whole || !same(before?.preset, state.preset)) this.respond();
    this.#showPoints();
  }

  async #response() {
    if (!this.app.can("response") || document.hidden) return;
    const { chain } = this;
    const answer = await this.ask("response", { points: 256 });
    if (chain !== this.chain) return;
    const out = answer.left_out || [];
    this.curve.setResponse(answer.hz || [], answer.gain_db || [], out);
    write(
      $("left-out"),
      out.length ? `Not in the curve, as what they do depends on the sound: ${out.join(", ")}.` : "",
    );
  }

  #showPoints() {
    this.curve.setPoints(bandPoints(this.state.preset, this.kinds));
  }

  /** Somebody else did something: show it, and who it was. */
  #others(body) {
    const who = body.who || "Somebody";
    if (body.changes) {
      for (const [path, value] of Object.entries(body.changes)) {
        if (this.sender.holds(path)) continue;
        putAt(this.state.preset, path, value === null ? undefined : value);
        this.slots.flash(path, who);
        this.app.note(who, `${pathWords(path)}: ${this.slots.said(path, value)}`);
        this.app.told(`${who}: ${pathWords(path)} ${this.slots.said(path, value)}`);
      }
      this.slots.show(this.state.preset);
      this.#showPoints();
      this.respond();
    }
    if (body.preset) this.#tell(who, `chose the preset ${body.preset}`);
    if (body.saved) this.#tell(who, `saved the preset ${body.saved}`);
    if (body.bypass) this.#tell(who, body.bypass.on ? "switched to bypass" : "switched the filters on");
    this.refresh();
  }

  #tell(who, what) {
    this.app.note(who, what);
    this.app.say(`${who} ${what}.`);
  }

  #send(path, value) {
    if (!this.app.mayChange()) return;
    this.sender.set(path, value);
    putAt(this.state.preset, path, value === "auto" ? undefined : value);
    this.slots.related(path);
    this.#showPoints();
  }

  #dragged(point, change) {
    for (const [key, value] of Object.entries(change)) {
      const path = point.paths[key];
      const param = path && this.slots.paramAt(path);
      if (!param) continue;
      const inside = Math.min(param.max, Math.max(param.min, value));
      if (same(valueAt(this.state.preset, path), inside)) continue;
      this.#send(path, inside);
      this.slots.showOne(path, inside);
    }
  }

  #changed(changes, { changes: found = {}, revision }) {
    for (const [path, value] of Object.entries(found)) {
      if (!this.sender.holds(path)) {
        putAt(this.state.preset, path, value === null ? undefined : value);
        this.slots.showOne(path, value);
      }
    }
    if (revision !== undefined) this.state.revision = revision;
    for (const path of Object.keys(changes))
      this.app.note("You", `${pathWords(path)}: ${this.slots.said(path, changes[path])}`);
    $("undo").disabled = false;
    this.respond();
    this.refresh();
  }

  #refused(paths, refusal) {
    this.app.say(refusal.message, "bad");
    this.#get(true).catch(() => {});
    for (const path of paths) this.slots.flash(path, "refused", "bad");
  }

  /** Change a whole list (another band), unless somebody else has changed it meanwhile. */
  async #replace(path, change) {
    await this.sender.settle();
    const list = change(structuredClone(valueAt(this.state.preset, path) || []));
    try {
      await this.ask("set", { path, value: list, if_revision: this.state.revision });
    } catch (refusal) {
      this.app.say(
        refusal.code === "conflict" ? "Somebody else has just changed this: look, and try again." : refusal.message,
        "bad",
      );
    }
    await this.#get(true).catch(() => {});
  }

  /** Change which filters there are, and their order. */
  async #rearrange(change) {
    await this.sender.settle();
    const preset = structuredClone(this.state.preset);
    preset.filter = change(preset.filter);
    await this.ask("load", { preset }).catch(this.app.fault);
    await this.#get(true).catch(() => {});
  }

  async #load(name) {
    await this.sender.settle();
    try {
      await this.ask("preset", { name });
      this.app.note("You", `chose the preset ${name}`);
    } catch (refusal) {
      this.app.fault(refusal);
    }
    await this.#get(true).catch(() => {});
  }

  async #save(name, force) {
    await this.sender.settle();
    await this.ask("save", { name, force });
    this.app.say(`Saved as ${name}.`, "good");
    await this.#get(false).catch(() => {});
  }

  async #step(op) {
    await this.sender.settle();
    await this.ask(op).catch((refusal) =>
      this.app.say(refusal.code === "nothing-to-undo" ? `Nothing to ${op}.` : refusal.message),
    );
    await this.#get(true).catch(() => {});
  }

  async #bypass(on) {
    try {
      const { bypass } = await this.ask("bypass", { on, matched: $("ab-match").checked });
      if (bypass) this.state.bypass = bypass;
    } catch (refusal) {
      this.app.fault(refusal);
    }
    showDesk(this.state);
  }
}
