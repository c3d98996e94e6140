// What every page does, and what its own module may import: times, shortcuts, sending, events, toasts.

const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

// ---- times ---------------------------------------------------------------------------------------

/** Puts every <time datetime> below `root` into the reader's own zone. */
export function showTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    element.textContent = short.format(moment);
    element.title = long.format(moment);
  }
}

/** In a row of links that is wider than the screen, brings the page's own into sight. */
function showPlace() {
  for (const here of document.querySelectorAll(".places [aria-current], .tabs [aria-current]")) {
    const row = here.parentElement;
    row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }
}

/** A table that is wider than its place can be scrolled by keys, too. */
function reachTables() {
  for (const table of document.querySelectorAll(".table:not([tabindex])")) {
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
  }
}

// ---- making elements -----------------------------------------------------------------------------

/**
 * An element; text is always text. `attributes` may hold `class`, `dataset`, any attribute, and
 * listeners as `onclick` functions.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// ---- talking to the server -----------------------------------------------------------------------

export class Refused extends Error {
  /** `problem` is the problem document (RFC 9457) as far as there was one. */
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

// A browser has six connections to a server (HTTP/1.1): with one kept by each of six pages a request waits for ever.
const ANSWER_MS = 30_000;
export const SLOW_MS = 300_000; // where much is to be worked out first
const UNANSWERED = "The server has not answered, though it may have done it. If many windows of the console are open, close some; then try again.";

/**
 * One request: `body` is sent as JSON unless it is text or a form; gives the answer's JSON, or null
 * where it has none. Throws Refused for every answer of 400 and above; given up after `withinMs`.
 */
export async function send(method, url, body, headers = {}, withinMs = ANSWER_MS) {
  const token = document.querySelector("meta[name=csrf-token]").content;
  const all = { Accept: "application/json", "X-CSRF-Token": token, ...headers };
  let content = body;
  if (body !== undefined && typeof body !== "string" && !(body instanceof FormData)) {
    content = JSON.stringify(body);
    all["Content-Type"] = "application/json";
  }
  const request = { method, headers: all, body: content, credentials: "same-origin", signal: AbortSignal.timeout(withinMs) };
  const [answer, value] = await answered(url, request);
  if (answer.status === 401) {
    signInAgain();
    throw new Refused(401, { title: "You are signed out." });
  }
  if (!answer.ok) throw new Refused(answer.status, value || {});
  return value;
}

async function answered(url, request) {
  try {
    const answer = await fetch(url, request);
    const json = /[/+]json/.test(answer.headers.get("content-type") || "");
    // What was done without an answer (204) is called JSON by the server, too.
    const text = json ? await answer.text() : "";
    return [answer, text ? JSON.parse(text) : null];
  } catch (error) {
    throw error.name === "TimeoutError" ? new Error(UNANSWERED) : error;
  }
}

let shutOut = false;
function outside(text, label, act) {
  if (shutOut) return; // it is said already, and stays
  shutOut = true;
  toast(text, { label, act, stays: true });
}

function signInAgain() {
  outside("You are signed out.", "Sign in", () => {
    const whole = location.pathname + location.search;
    const place = whole.length <= 1000 ? whole : location.pathname; // as the server takes it
    location.assign(`/console/sign-in?next=${encodeURIComponent(place)}`);
  });
}

/** Why a stream need not be asked for again, or "": it does not say itself why it was refused. */
async function refusal() {
  try {
    const { rights } = await send("GET", "/api/v1/me");
    if (rights.includes("view")) return "";
    outside("You may not see this any more.", "Load again", () => location.reload());
    return "not allowed";
  } catch (error) {
    return error.status === 401 ? "signed out" : "";
  }
}

/**
 * Server-sent events: `handlers` by the name of the event, given the parsed data and the event's id;
 * `handlers.open` and `handlers.lost` say how the connection stands; `lost` is given it in words, and
 * may give a least pause in ms. It comes back by itself, later each time, but not to who may not look
 * any more. A page nobody looks at has none; it comes back as soon as somebody does. Gives a function
 * that ends it.
 */
export function events(url, handlers) {
  let source = null, timer = 0, tries = 0, over = false;
  const open = () => {
    clearTimeout(timer);
    if (over) return;
    let opened = false;
    const mine = source = new EventSource(url);
    source.addEventListener("open", () => { opened = true; tries = 0; handlers.open?.(); });
    source.addEventListener("error", () => { if (mine === source) lost(opened); });
    for (const [name, act] of Object.entries(handlers)) {
      if (name === "open" || name === "lost") continue;
      source.addEventListener(name, (event) => act(JSON.parse(event.data), event.lastEventId));
    }
  };
  const close = () => { clearTimeout(timer); source?.close(); source = null; };
  const lost = async (opened) => {
    close();
    if (over) return;
    const least = handlers.lost?.("connection lost, trying again") || 0;
    const why = opened ? "" : await refusal();
    if (over || source || document.hidden) return;
    if (why) return void handlers.lost?.(why);
    const pause = Math.min(30_000, 500 * 2 ** tries++) * (0.5 + Math.random() / 2);
    clearTimeout(timer); // another that was lost may have waited for its refusal as well
    timer = setTimeout(open, Math.max(pause, least));
  };
  const seen = () => {
    if (document.hidden) close();
    else if (!over && source === null) { tries = 0; open(); }
  };
  document.addEventListener("visibilitychange", seen);
  if (!document.hidden) open();
  return () => { over = true; close(); document.removeEventListener("visibilitychange", seen); };
}

// ---- toasts --------------------------------------------------------------------------------------

/** Says something for a while; with `label` and `act` a button, such as Undo. */
export function toast(text, { label = "", act = null, stays = false } = {}) {
  const box = make("div", { class: "toast" }, make("span", {}, text));
  const gone = () => box.remove();
  if (act) box.append(make("button", { type: "button", onclick: () => { gone(); act(); } }, label || "Undo"));
  document.getElementById("toasts").append(box);
  if (!stays) setTimeout(gone, act ? 10_000 : 5_000);
  return gone;
}

/** After something that can be undone: `undo` is called when the reader wants it back. */
export function undoable(text, undo) {
  return toast(text, { label: "Undo", act: async () => {
    try { await undo(); toast("Undone."); } catch (error) { toast(error.message); }
  } });
}

// ---- keyboard ------------------------------------------------------------------------------------

const shortcuts = new Map();
let prefix = "", prefixTimer = 0;

/** `keys` such as "j", "/" or "g c"; `label` says in the list of shortcuts what it does. */
export function shortcut(keys, label, act) {
  shortcuts.set(keys, act);
  if (!label) return;
  const shown = keys.split(" ").flatMap((key) => [make("kbd", {}, key), " "]);
  document.getElementById("shortcut-list").append(make("div", {}, make("dt", {}, ...shown), make("dd", {}, label)));
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || document.querySelector("dialog[open]")) return;
  const keys = prefix ? `${prefix} ${event.key}` : event.key;
  clearTimeout(prefixTimer);
  prefix = "";
  const act = shortcuts.get(keys);
  if (act) {
    event.preventDefault();
    act(event);
  } else if ([...shortcuts.keys()].some((each) => each.startsWith(`${keys} `))) {
    prefix = keys;
    prefixTimer = setTimeout(() => { prefix = ""; }, 1_200);
  }
}

// ---- the frame -----------------------------------------------------------------------------------

function changeTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const next = dark ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  document.cookie = `frontdesk-theme=${next}; path=/console; max-age=31536000; samesite=lax`;
}

function begin() {
  showTimes();
  showPlace();
  reachTables();
  document.getElementById("theme").addEventListener("click", changeTheme);
  const list = document.getElementById("shortcuts");
  document.getElementById("keys")?.addEventListener("click", () => list.showModal());
  shortcuts.set("?", () => list.showModal());
  for (const link of document.querySelectorAll("a[data-go]")) {
    shortcuts.set(`g ${link.dataset.go}`, () => link.click());
  }
  document.addEventListener("keydown", pressed);
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.ask;
    if (question && !confirm(question)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

begin();
