// The page as a whole: pairing, connection, tabs, who is here, messages, dark and light.

import { CallsTab } from "./calls.js";
import { $, h, write } from "./dom.js";
import { FilterTab } from "./filter.js";
import { ScoresTab } from "./scores.js";
import { VoiceTab } from "./voice.js";
import { Wire } from "./wire.js";

const TOKEN = "softphone.token";
const NAME = "softphone.name";
const THEME = "softphone.theme";
const HISTORY = 12;
const TABS = ["filter", "calls", "scores", "voice"];

const app = {
  wire: null,
  me: null,
  ops: new Map(),
  clients: [],
  shown: "filter",
  chosen: false,
  ended: false,
  can: (name) => app.ops.has(name),
  mayChange: () => app.me?.role === "control",
  /** Whether there is an operation *name* and this role may do it. */
  may: (name) => app.can(name) && (app.mayChange() || app.ops.get(name).role === "view"),
  ask: (op, args) => app.wire.ask(op, args),
  say,
  told,
  /** Ask, and say so where it is refused; undefined then. */
  try: (op, args) => app.ask(op, args).catch(app.fault),
  note,
  seen: (tab) => app.shown === tab && !document.hidden,
  fault: (refusal) => say(refusal.message, "bad"),
};

/** Say *text* for some seconds; *kind* is "", "good" or "bad"; *act*: [words, what to do]. */
function say(text, kind = "", act = null) {
  const toasts = $("toasts");
  if (toasts.lastChild?.firstChild?.textContent === text) toasts.lastChild.remove();
  const close = () => toast.remove();
  const toast = h(
    `div.toast.${kind || "plain"}`,
    {},
    h("span", {}, text),
    act && h("button.small", { type: "button", onclick: () => (act[1](), close()) }, act[0]),
    h("button.quiet", { type: "button", "aria-label": "Close this message", onclick: close }, "×"),
  );
  toasts.append(toast);
  while (toasts.childElementCount > 4) toasts.firstChild.remove();
  setTimeout(close, act ? 20000 : kind === "bad" ? 9000 : 5000);
}

const history = [];

/** Keep what somebody did for the list of the latest changes. */
function note(who, what) {
  const last = history[0];
  if (last && last.who === who && last.what.split(":")[0] === what.split(":")[0]) history.shift();
  history.unshift({ who, what, at: new Date() });
  history.length = Math.min(history.length, HISTORY);
  if ($("people-dialog").open) showPeople();
}

/** What others did is told to a screen reader, one line a second at most. */
let toldAt = 0;
function told(text) {
  const now = performance.now();
  if (now - toldAt < 1000) return;
  toldAt = now;
  write($("told"), text);
}

function showPeople() {
  $("people-list").replaceChildren(
    ...app.clients.map((each) =>
      h(
        "li",
        {},
        h("b", {}, each.name),
        each.id === app.me?.client ? " (you)" : "",
        h("span.dim", {}, each.role === "control" ? " may change" : " watches"),
      ),
    ),
  );
  $("history").replaceChildren(
    ...(history.length
      ? history.map(({ who, what, at }) =>
          h("li", {}, h("span.dim", {}, at.toLocaleTimeString()), " ", h("b", {}, who), ` ${what}`),
        )
      : [h("li.dim", {}, "Nothing was changed yet.")]),
  );
}

function showClients(clients) {
  const names = new Map(app.clients.map((each) => [each.id, each.name]));
  if (names.size) {
    for (const each of clients) if (!names.has(each.id) && each.id !== app.me?.client) say(`${each.name} is here now.`);
  }
  app.clients = clients;
  const others = clients.length - 1;
  write($("people"), others < 1 ? "Only you" : `${clients.length} are here`);
  $("people").hidden = false;
  if ($("people-dialog").open) showPeople();
}

function onState(state, words) {
  document.documentElement.dataset.state = state;
  const away = state === "away";
  $("away").hidden = !away;
  if (away) {
    const why = words ? `Not connected: ${words.replace(/\.$/, "")}.` : "The program is away.";
    write(
      $("away-text"),
      app.ended
        ? "The program has ended. If it comes back with the same token, so does this page; what you move until then is kept."
        : `${why} This page comes back by itself; what you move until then is kept.`,
    );
    $("people").hidden = true;
  }
  write(
    $("link"),
    { here: "connected", joining: "connecting …", away: "away", refused: "not connected", off: "not connected" }[state],
  );
  for (const part of Object.values(tabs)) part.onLink(state === "here");
  if (state === "refused") {
    sessionStorage.removeItem(TOKEN);
    enter(
      words === "unauthorized"
        ? "This token is wrong. It is made anew each time the program starts: use the newest link."
        : words,
    );
  }
}

async function onWelcome(welcome) {
  app.me = welcome;
  app.ended = false;
  app.clients = [];
  $("enter").hidden = true;
  $("work").hidden = false;
  write($("title"), welcome.title || "softphone");
  document.title = welcome.title || "softphone";
  const schema = await app.ask("schema");
  app.ops = new Map(schema.ops.map((op) => [op.name, op]));
  $("viewer").hidden = app.mayChange();
  for (const guard of document.querySelectorAll("fieldset.guard")) guard.disabled = !app.mayChange();
  const topics = (welcome.topics || []).filter((topic) =>
    ["changes", "clients", "calls", "recordings", "memos"].includes(topic),
  );
  await app.ask("subscribe", { topics });
  showClients(welcome.clients || []);
  $("tab-calls").hidden = !app.can("calls");
  $("tab-scores").hidden = !app.can("recordings");
  $("tab-voice").hidden = !app.can("memos");
  const filters = (welcome.chains || []).length > 0;
  $("tab-filter").hidden = !filters;
  $("tabs").hidden = !app.can("calls") && !app.can("recordings") && !(filters && app.can("memos"));
  for (const part of Object.values(tabs)) await part.onWelcome(welcome, schema);
  // A console without a sound device is there for its calls.
  if (!app.chosen && app.can("dial") && welcome.chains?.[0]?.name !== "main") choose("calls");
  app.chosen = true;
  if ($(`tab-${app.shown}`).hidden) choose(TABS.find((name) => !$(`tab-${name}`).hidden) || "filter");
}

function onEvent(event, body) {
  if (event === "clients") showClients(body.clients || []);
  else if (event === "closing") app.ended = true;
  else for (const part of Object.values(tabs)) part.onEvent(event, body);
}

function enter(fault = "") {
  $("enter").hidden = false;
  $("work").hidden = true;
  $("viewer").hidden = true;
  $("people").hidden = true;
  write($("token-fault"), fault);
  $("token-name").value = myName();
  $("token-field").focus();
}

function myName() {
  const kept = localStorage.getItem(NAME);
  if (kept) return kept;
  const found = /(iPhone|iPad|Android|Windows|Macintosh|CrOS|Linux)/.exec(navigator.userAgent)?.[1] || "Some";
  const device = { Macintosh: "Mac", CrOS: "Chromebook", Android: "Android phone" }[found] || found;
  return /^i|phone/.test(device) ? device : `${device} browser`;
}

function connect(token) {
  sessionStorage.setItem(TOKEN, token);
  app.wire.open(token, myName());
}

/** The token in a link, which may have been pasted whole. */
const tokenIn = (text) => new URLSearchParams(/#(.*)$/.exec(text)?.[1] || "").get("token") || text.trim();

function choose(name, focus = false) {
  app.shown = name;
  for (const each of TABS) {
    const tab = $(`tab-${each}`);
    tab.setAttribute("aria-selected", String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
    $(`panel-${each}`).hidden = each !== name;
  }
  if (focus) $(`tab-${name}`).focus();
  for (const part of Object.values(tabs)) part.onShown();
}

function tabKeys(event) {
  const there = TABS.filter((name) => !$(`tab-${name}`).hidden);
  const at = there.indexOf(app.shown);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: there.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choose(there[(to + there.length) % there.length], true);
}

function useTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  write($("theme"), `Theme: ${theme}`);
  restyle();
}

function restyle() {
  tabs.filter.restyle();
  tabs.voice.restyle();
}

const tabs = { filter: new FilterTab(app), calls: new CallsTab(app), scores: new ScoresTab(app), voice: new VoiceTab(app) };
app.wire = new Wire({ onState, onWelcome, onEvent });

useTheme(localStorage.getItem(THEME) || "auto");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
$("theme").addEventListener("click", () => {
  const now = localStorage.getItem(THEME) || "auto";
  const next = { auto: "light", light: "dark", dark: "auto" }[now];
  localStorage.setItem(THEME, next);
  useTheme(next);
});
for (const name of TABS) $(`tab-${name}`).addEventListener("click", () => choose(name));
$("tabs").addEventListener("keydown", tabKeys);
document.addEventListener("visibilitychange", () => {
  for (const part of Object.values(tabs)) part.onShown();
});
for (const button of document.querySelectorAll("[data-close]"))
  button.addEventListener("click", () => button.closest("dialog").close());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
$("retry").addEventListener("click", () => app.wire.retryNow());
$("people").addEventListener("click", () => {
  showPeople();
  $("my-name").value = myName();
  $("people-dialog").showModal();
});
$("name-form").addEventListener("submit", (event) => {
  event.preventDefault();
  localStorage.setItem(NAME, $("my-name").value.trim());
  $("people-dialog").close();
  connect(sessionStorage.getItem(TOKEN));
});
$("leave").addEventListener("click", () => {
  $("people-dialog").close();
  app.wire.close("The token is forgotten.");
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  write($("token-fault"), "");
  const name = $("token-name").value.trim();
  if (name) localStorage.setItem(NAME, name);
  connect(tokenIn($("token-field").value));
});

function begin() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (location.hash) window.history.replaceState(null, "", location.pathname + location.search);
  const token = given || sessionStorage.getItem(TOKEN);
  if (token) connect(token);
  else enter();
}
addEventListener("hashchange", begin);
begin();
