// What the hand moves, on its way to the server: one message under way at a time, the newest value of each path wins.

import { same, valueAt } from "./dom.js";
import { Refusal } from "./wire.js";

const GAP_MS = 33;

export class Sender {
  /**
   * *ask(op, args)* reaches the chain; *preset()* is what the server last said; *onDone(values)* and
   * *onRefused(paths, refusal)* are told how it went.
   */
  constructor({ ask, preset, onDone, onRefused }) {
    Object.assign(this, { ask, preset, onDone, onRefused });
    this.wanted = new Map();
    this.under = new Map();
    this.before = new Map();
    this.busy = false;
    this.away = true;
  }

  /** Whether the hand's value of *path* has not been answered yet. */
  holds(path) {
    return this.wanted.has(path) || this.under.has(path);
  }

  set(path, value) {
    if (!this.before.has(path)) this.before.set(path, structuredClone(valueAt(this.preset(), path)));
    this.wanted.set(path, value);
    this.#pump();
  }

  /** Wait until all that was moved has been answered. */
  async settle() {
    while (!this.away && (this.busy || this.wanted.size)) await new Promise((done) => setTimeout(done, 10));
  }

  forget() {
    this.wanted.clear();
    this.before.clear();
  }

  pause() {
    this.away = true;
  }

  /**
   * The server is back, and `preset()` is what it has now. What was moved meanwhile is sent, but for what
   * somebody else has changed, too: that is returned as [path, mine, theirs].
   */
  resume() {
    const lost = [];
    for (const [path, mine] of this.wanted) {
      const theirs = valueAt(this.preset(), path);
      const gone = theirs === undefined && this.before.get(path) !== undefined;
      if (gone || (!same(theirs, this.before.get(path)) && !same(theirs, mine))) {
        this.wanted.delete(path);
        if (!gone) lost.push([path, mine, theirs]);
      }
    }
    this.before.clear();
    this.away = false;
    this.#pump();
    return lost;
  }

  async #pump() {
    if (this.busy || this.away) return;
    this.busy = true;
    while (this.wanted.size && !this.away) {
      this.under = this.wanted;
      this.wanted = new Map();
      const changes = Object.fromEntries(this.under);
      const [[path, value]] = this.under;
      let refusal = null;
      let result = {};
      try {
        result = await (this.under.size === 1 ? this.ask("set", { path, value }) : this.ask("patch", { changes }));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refusal = error;
      }
      const under = this.under;
      this.under = new Map();
      if (refusal?.code === "away") {
        this.away = true;
        this.wanted = new Map([...under, ...this.wanted]);
        break;
      }
      for (const each of under.keys()) if (!this.wanted.has(each)) this.before.delete(each);
      if (refusal?.code === "rate-limited") {
        this.wanted = new Map([...under, ...this.wanted]);
        await new Promise((done) => setTimeout(done, 500));
      } else if (refusal) this.onRefused([...under.keys()], refusal);
      else this.onDone(changes, result);
      await new Promise((done) => setTimeout(done, GAP_MS));
    }
    this.busy = false;
  }
}
