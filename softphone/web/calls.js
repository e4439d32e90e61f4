// The Calls tab: dial, answer, and hold of what runs: what it costs, how it sounds, and the switches that change it.

import { CallCard, EndedCard, STATES, ending } from "./call_card.js";
import { $, h, keepRows, write } from "./dom.js";

export class CallsTab {
  constructor(app) {
    this.app = app;
    this.calls = [];
    this.cards = new Map();
    $("dial").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#dial($("dial-uri").value.trim());
    });
    document.addEventListener("keydown", (event) => this.#keys(event));
  }

  async onWelcome({ role }) {
    if (this.role !== role) {
      this.cards.clear(); // other buttons
      $("calls").replaceChildren();
    }
    this.role = role;
    $("dial").hidden = !this.app.can("dial");
    $("ringing").replaceChildren();
    if (!this.app.can("calls")) return;
    this.#show(await this.app.ask("calls"));
  }

  onEvent(event, body) {
    if (event === "calls") this.#show(body);
  }

  onLink(here) {
    if (!here) $("ringing").replaceChildren();
  }

  onShown() {
    this.#show({ calls: this.calls, uri: this.uri });
  }

  async #dial(uri) {
    const full = /^sips?:/i.test(uri) ? uri : `sip:${uri}`;
    const answer = await this.app.try("dial", { uri: full });
    if (answer) this.app.told(`Calling ${full}.`);
  }

  #show({ calls = [], uri = null }) {
    const before = new Map(this.calls.map((each) => [each.call, each.state]));
    this.calls = calls;
    this.uri = uri;
    const running = calls.filter(({ state }) => state !== "ended");
    for (const each of calls) {
      const was = before.get(each.call);
      if (!was || was === each.state || each.state === "incoming") continue;
      const over = each.state === "ended";
      const words = `${each.peer}: ${over ? ending(each) : (STATES[each.state] || each.state).toLowerCase()}.`;
      // who looks at the calls sees it there
      if (this.app.seen("calls")) this.app.told(words);
      else if (each.state !== "ending") this.app.say(words, over && each.outcome !== "completed" ? "bad" : "");
    }
    this.#ring(running.filter(({ state }) => state === "incoming"));
    write($("tab-calls"), running.length ? `Calls (${running.length})` : "Calls");
    if (!this.app.seen("calls")) return;
    $("no-calls").hidden = calls.length > 0;
    const how = this.app.may("dial") ? " Type above whom to call, and press Dial. Who calls you" : " Who calls";
    write($("no-calls"), `No call now.${this.app.can("dial") ? `${how}${uri ? ` at ${uri}` : ""} rings here.` : ""}`);
    for (const [number, card] of this.cards) {
      const now = calls.find(({ call }) => call === number);
      if (now && (now.state === "ended") !== card.ended) {
        card.element.remove();
        this.cards.delete(number);
      }
    }
    const make = (call) => (call.state === "ended" ? new EndedCard(call) : new CallCard(call, this.app));
    keepRows($("calls"), this.cards, calls, "call", make);
  }

  /** Who calls here is said on every tab. */
  #ring(incoming) {
    const place = $("ringing");
    const shape = incoming.map(({ call }) => call).join();
    if (place.dataset.shape === shape && place.childElementCount === incoming.length) return;
    place.dataset.shape = shape;
    const may = this.app.may("answer");
    place.replaceChildren(
      ...incoming.map(({ call, peer }) =>
        h(
          "div.words.call",
          {},
          h("span", {}, "Incoming call from ", h("b", {}, peer || "somebody")),
          may &&
            h(
              "span.buttons",
              {},
              h("button.yes", { type: "button", onclick: () => this.app.try("answer", { call }) }, "Answer"),
              h("button.no", { type: "button", onclick: () => this.app.try("reject", { call }) }, "Reject"),
            ),
        ),
      ),
    );
  }

  #keys(event) {
    if (this.app.shown !== "calls" || event.ctrlKey || event.metaKey || event.altKey || !this.app.mayChange()) return;
    if (event.target.matches?.("input, select, textarea") || document.querySelector("dialog[open]")) return;
    const digit = event.key.toUpperCase();
    if (!/^[0-9*#A-D]$/.test(digit)) return;
    const open = [...this.cards.values()].find(
      (card) => card.padOpen && (card.element.contains(event.target) || event.target === document.body),
    );
    if (open) open.press(digit);
  }
}
