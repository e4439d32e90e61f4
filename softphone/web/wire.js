// The connection: JSON over one WebSocket. Answers find their question by id; it comes back by itself when it is lost.

const PROTOCOL = "softphone.control.v1";
const WAITS_S = [0.4, 0.8, 1.5, 3, 5, 8];
const QUIET_S = 8;
const ANSWER_S = 5;

/** What the server refused, or `code` "away" where there was no answer. */
export class Refusal extends Error {
  constructor(error) {
    super(error.message || error.code);
    this.code = error.code;
  }
}

const AWAY = { code: "away", message: "The server is away." };

export class Wire {
  /** States: "off", "joining", "here", "away", "refused"; *onState(state, words)* is told of each. */
  constructor({ onState, onWelcome, onEvent }) {
    this.onState = onState;
    this.onWelcome = onWelcome;
    this.onEvent = onEvent;
    this.state = "off";
    this.waiting = new Map();
    this.lastId = 0;
    this.tries = 0;
    this.heardAt = 0;
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retryNow();
    });
  }

  open(token, name) {
    this.token = token;
    this.name = name;
    this.tries = 0;
    this.why = "";
    this.#leave();
    this.#connect();
  }

  /** Do not wait any longer for the next try. */
  retryNow() {
    if (this.state === "away") {
      clearTimeout(this.timer);
      this.#connect();
    }
  }

  close(words) {
    this.#leave();
    this.#tell("refused", words);
  }

  /** Ask for *op*; resolves to its result, throws Refusal. */
  ask(op, args = {}) {
    if (this.state !== "here" && op !== "hello") return Promise.reject(new Refusal(AWAY));
    const id = (this.lastId += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ ...args, id, op }));
    });
  }

  #tell(state, words = "") {
    this.state = state;
    this.onState(state, words);
  }

  #connect() {
    this.#tell(this.tries ? "away" : "joining", this.why);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/control`, PROTOCOL);
    this.socket = socket;
    socket.onopen = () => this.#hello(socket);
    socket.onmessage = (message) => {
      if (socket === this.socket) this.#receive(message.data);
    };
    socket.onclose = (closed) => {
      if (socket === this.socket) this.#closed(closed);
    };
  }

  async #hello(socket) {
    try {
      const welcome = await this.ask("hello", { token: this.token, name: this.name });
      if (socket !== this.socket) return;
      this.watch = setInterval(() => this.#check(), 2000);
      this.state = "here";
      await this.onWelcome(welcome);
      if (socket !== this.socket) return;
      this.tries = 0;
      this.#tell("here");
    } catch (refusal) {
      if (refusal.code === "unauthorized") this.close("unauthorized");
      else if (refusal.code !== "away") this.#closed({ code: 0, reason: refusal.message });
    }
  }

  #receive(text) {
    this.heardAt = performance.now();
    const body = JSON.parse(text);
    if (body.event) {
      this.onEvent(body.event, body);
      return;
    }
    const asked = this.waiting.get(body.id);
    this.waiting.delete(body.id);
    if (!asked) return;
    if (body.ok) asked.resolve({ ...body.result, revision: body.revision ?? body.result?.revision });
    else asked.reject(new Refusal(body.error));
  }

  /** A phone that has lost its network is not told: ask where nothing came for long. */
  #check() {
    const quiet = (performance.now() - this.heardAt) / 1000;
    if (document.hidden || quiet < QUIET_S) return;
    if (quiet > QUIET_S + ANSWER_S) this.#closed({ code: 1006 });
    else this.ask("ping").catch(() => {});
  }

  #leave() {
    clearTimeout(this.timer);
    clearInterval(this.watch);
    const { socket } = this;
    this.socket = null;
    socket?.close();
    for (const { reject } of this.waiting.values()) reject(new Refusal(AWAY));
    this.waiting.clear();
  }

  #closed({ code, reason }) {
    this.#leave();
    if (code === 4401) {
      this.#tell("refused", "unauthorized");
      return;
    }
    const slow = code === 4503 || code === 4429;
    const wait = (slow ? 8 : WAITS_S[Math.min(this.tries, WAITS_S.length - 1)]) * (0.8 + 0.4 * Math.random());
    this.tries += 1;
    this.why = { 4503: "Too many are connected.", 4429: "The server asked for a pause.", 0: reason }[code] || "";
    this.#tell("away", this.why);
    this.timer = setTimeout(() => this.#connect(), wait * 1000);
  }
}
