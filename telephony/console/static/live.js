// The list of live calls. Only cells whose text differs are touched; nothing is ever measured.

import { events, make, shortcut } from "./base.js";
import { dollars, since, speaks, states } from "./transcript.js";

const MOST_HEARD = 70;
const rows = new Map();
const body = document.getElementById("calls");
const table = document.getElementById("table");
const none = document.getElementById("none");
const count = document.getElementById("count");
const link = document.getElementById("link").firstElementChild;

/** A cell that is only written to when it says something else than before. */
function cell(name, label) {
  const node = document.createTextNode("");
  const element = make("td", { class: name, "data-label": label }, node);
  return { element, node, text: "" };
}

function write(each, text) {
  if (each.text === text) return;
  each.text = text;
  each.node.data = text;
}

class Row {
  constructor(view) {
    this.view = {};
    this.cells = {
      time: cell("time", "Length"),
      who: cell("who", "Persona"),
      state: cell("state", "State"),
      floor: cell("floor", "Speaks"),
      words: cell("words", "Last words"),
      tools: cell("tools", "Tools"),
      cost: cell("cost number", "Cost"),
    };
    const caller = document.createTextNode("");
    this.caller = { node: caller, text: "" };
    this.link = make("a", { href: `/console/live/${encodeURIComponent(view.call_id)}` }, caller);
    this.unheard = { node: document.createTextNode(""), text: "" };
    const { words } = this.cells;
    words.element.append(make("div", { class: "clamp" }, words.node, make("span", { class: "unheard" }, this.unheard.node)));
    const { time, ...others } = this.cells;
    const parts = Object.values(others).map((each) => each.element);
    const called = make("td", { class: "caller", "data-label": "Caller" }, this.link);
    this.element = make("tr", { onclick: (event) => { if (event.target !== this.link) this.link.click(); } }, time.element, called, ...parts);
    this.change(view);
  }

  change(fields) {
    Object.assign(this.view, fields);
    const { view, cells } = this;
    write(this.caller, view.caller || "number withheld");
    write(cells.who, view.persona || "built-in");
    write(cells.state, `${states[view.phase] || view.phase}${view.seat ? ` · ${view.engine}` : ""}`);
    if ("floor" in fields) cells.floor.element.className = `floor speaks-${speaks[view.floor] ? view.floor : "nobody"}`;
    write(cells.floor, speaks[view.floor] || "");
    write(cells.words, view.withheld ? "not recorded" : tail(view.heard));
    write(this.unheard, view.unheard);
    write(cells.tools, view.tools.map((tool) => tool.waits ? `${tool.name} waits` : tool.name).join(", "));
    write(cells.cost, dollars(view.cost_micros, view.cost_unknown));
    this.tick();
  }

  tick() {
    write(this.cells.time, since(this.view.started_at));
  }
}

/** The end of what was heard: the last words are what counts. */
function tail(words) {
  if (words.length <= MOST_HEARD) return words;
  const cut = words.slice(-MOST_HEARD);
  return `… ${cut.slice(cut.indexOf(" ") + 1)}`;
}

function change(fields) {
  const row = rows.get(fields.call_id);
  if (row) return row.change(fields);
  if (!("caller" in fields)) return;
  const made = new Row(fields);
  rows.set(fields.call_id, made);
  body.append(made.element);
}

function remove(callId) {
  rows.get(callId)?.element.remove();
  rows.delete(callId);
}

function counted() {
  const waiting = [...rows.values()].filter((row) => row.view.tools.some((tool) => tool.waits)).length;
  const text = `${rows.size} ${rows.size === 1 ? "call" : "calls"}${waiting ? ` · ${waiting} waiting for a person's word` : ""}`;
  if (count.textContent !== text) count.textContent = text;
  table.hidden = rows.size === 0;
  none.hidden = rows.size !== 0;
}

function standing(text, kind) {
  link.textContent = text;
  link.className = `badge ${kind}`;
}

events("/api/v1/live/events", {
  open: () => standing("live", "good"),
  lost: (why) => standing(why, "bad"),
  calls: ({ calls }) => {
    const there = new Set(calls.map((call) => call.call_id));
    for (const callId of [...rows.keys()]) if (!there.has(callId)) remove(callId);
    for (const call of calls) change(call);
    counted();
  },
  changes: ({ changes }) => { for (const fields of changes) change(fields); counted(); },
  gone: ({ call_ids: callIds }) => { for (const callId of callIds) remove(callId); counted(); },
});

setInterval(() => { for (const row of rows.values()) row.tick(); }, 1_000);

function step(by) {
  const links = [...rows.values()].map((row) => row.link);
  const at = links.indexOf(document.activeElement);
  links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}
shortcut("j", "", () => step(1));
shortcut("k", "", () => step(-1));
