// A transcript that grows: lines in the order in which they were said, and the words being said.

import { events, make } from "./base.js";

export const states = {
  starting: "starting", live: "talking", closing: "saying goodbye", transferring: "passed on", ended: "over",
};
export const speaks = { caller: "caller", agent: "agent", nobody: "" };

/** How long ago, as hours, minutes and seconds. */
export function since(moment) {
  const seconds = Math.max(0, Math.floor((Date.now() - new Date(moment)) / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${parts.join(":")}` : parts.join(":");
}

/** Micro-dollars as people read them; what has no price is not nothing. */
export function dollars(micros, unknown) {
  if (!micros) return unknown ? "unknown" : "$0";
  const amount = micros / 1e6;
  const shown = `$${amount.toFixed(amount >= 1 ? 2 : 4)}`;
  return unknown ? `≥ ${shown}` : shown;
}

function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// As telephony/transcripts/text.py has it.
const outcomes = {
  operator: "ended by staff", idle: "nobody spoke", drained: "server stopped", budget: "out of budget",
  protocol: "broken protocol", no_start: "no audio came",
};
const acts = {
  hang_up: "ended the call", transfer: "put the caller through to", take_over: "took the call over",
  whisper: "told the agent:",
};
const alarms = {
  one_way: (value) => `nothing has come from the caller for ${value} ms`,
  clipping: (value) => `the caller is too loud for the line (${value} samples in 1,000 clipped)`,
  echo: (value) => `our own voice comes back (${value} times)`,
  starved_in: (value) => `the caller's side stopped coming for ${value} ms`,
  starved_out: (value) => `what we said ran dry for ${value} ms`,
};
const sources = { own: "own recording", filler: "filler", repeat: "said again", tones: "keys sent" };

/** Who, what, and whether it is a side remark; null for lines that are only counted. */
function told(line) {
  switch (line.type) {
    case "AgentLine": {
      const rest = line.text.startsWith(line.heard) ? line.text.slice(line.heard.length) : line.text;
      const source = line.source && line.source !== "engine" ? ` [${sources[line.source] || line.source}]` : "";
      const gap = line.heard && rest ? " " : "";
      const words = [line.heard, gap, rest ? make("s", { class: "unheard", title: "not heard" }, rest.trim()) : null, source];
      return { who: "agent", at: line.start_ms, words };
    }
    case "CallerLine":
      return { who: "caller", at: line.start_ms, words: [line.text || "(no words could be made out)"], aside: !line.text };
    case "ToolLine":
      return { who: "tool", at: line.start_ms, words: [`${line.name} ${line.arguments} → ${line.state}`], aside: true };
    case "DtmfLine":
      return { who: "caller", at: line.at_ms, words: [`pressed ${line.digit}`] };
    case "TruncationLine":
      return { who: "cut", at: line.at_ms, words: ["the agent was cut off"], aside: true };
    case "ClaimLine":
      return { who: "claim", at: line.at_ms, words: [`stopped: ${line.sentence}`], aside: true };
    case "SeatLine":
      return { who: "engine", at: line.at_ms, words: [`${line.engine} took over (${line.why})`], aside: true };
    case "OperatorLine": {
      const done = line.done === false ? " (it could not be done)" : "";
      return { who: "staff", at: line.at_ms, words: [`${line.by} ${acts[line.act] || line.act} ${line.words}${done}`], aside: true };
    }
    case "DisclosureLine":
      return { who: "told", at: line.at_ms, words: [`disclosure, ${line.heard ? "" : "not "}heard in full`], aside: true };
    case "ConsentLine":
      return { who: "asked", at: line.at_ms, words: [`recording: ${line.answer.replaceAll("_", " ")}, by ${line.by}`], aside: true };
    case "AlarmLine":
      return { who: "line", at: line.at_ms, words: [alarms[line.kind]?.(line.value) || line.kind], aside: true };
    case "EndLine":
      return { who: "end", at: line.at_ms, words: [outcomes[line.reason] || line.reason.replaceAll("_", " ")], aside: true, last: true };
    default:
      return null;
  }
}

export class Transcript {
  /** `list` is an <ol>; `saying` the line below it with `.who`, #heard and #unheard in it. */
  constructor(list, saying) {
    this.list = list;
    this.saying = saying;
    this.next = 0;
  }

  clear() {
    this.list.replaceChildren();
    delete this.list.dataset.note;
    this.next = 0;
  }

  /** Lines from number `first` on; those that are there already are left out. */
  add(first, entries) {
    const list = this.list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    entries.forEach((entry, index) => { if (first + index >= this.next) this.put(entry); });
    this.next = Math.max(this.next, first + entries.length);
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  put(entry) {
    const line = told(entry);
    if (!line) return;
    const at = line.last ? Infinity : line.at;
    const element = make("li", { class: `${line.who}${line.aside ? " aside" : ""}`, "data-at": at },
      make("span", { class: "at" }, clock(line.at)), make("span", { class: "who" }, line.who),
      make("span", { class: "words" }, ...line.words));
    let before = this.list.lastElementChild;
    while (before && Number(before.dataset.at) > at) before = before.previousElementSibling;
    if (before) before.after(element);
    else this.list.prepend(element);
  }

  says(view) {
    if (view.withheld) this.list.dataset.note = "No words are shown, and none are kept, as long as the caller has not agreed to be recorded.";
    else if (view.withheld === false) delete this.list.dataset.note;
    const talks = Boolean(view.unheard) || view.floor === "agent";
    const who = view.floor === "caller" ? "caller" : talks ? "agent" : "";
    this.saying.className = `saying ${who}`;
    this.saying.querySelector(".who").textContent = who || "\u00a0";
    this.saying.querySelector("#heard").textContent = who === "agent" && !view.withheld ? view.heard : who ? "speaks …" : "";
    this.saying.querySelector("#unheard").textContent = who === "agent" ? view.unheard : "";
  }
}

// After a process was killed or went, the carrier asks another about its calls; until then nobody has them.
// FRONTDESK_LOST_SECONDS, unless it was set: with more of them a call may be called over here while it is only between two processes, and
// is shown again when the page is loaded; with fewer the page only says so later.
const BETWEEN_MS = 6_000;
const ASK_MS = 1_000;

/**
 * Follow one call: `changed(view)` at every change, `gone()` when it is over, `standing(text, kind)`
 * of the connection. Gives a function that ends it.
 */
export function follow(callId, transcript, { changed, gone, standing = () => {} }) {
  let view = null;
  let here = false; // this stream, or the one before it, has told of the call and did not break
  let missing = 0; // since when it is nowhere
  let over = false;
  const show = (fields) => { view = { ...view, ...fields }; transcript.says(view); changed(view); };
  const end = events(`/api/v1/live/${encodeURIComponent(callId)}/events`, {
    lost: (why) => {
      if (over) return end();
      here = false;
      standing(why, "bad");
      return missing ? ASK_MS : 0;
    },
    calls: ({ calls }) => {
      here = true;
      missing = 0;
      standing("live", "good");
      for (const call of calls) show(call);
    },
    lines: ({ first, entries }) => transcript.add(first, entries),
    changes: ({ changes }) => { for (const fields of changes) show(fields); },
    gone: () => {
      missing ||= Date.now();
      if (here || view === null || Date.now() - missing >= BETWEEN_MS) finish();
    },
  });
  const finish = () => {
    over = true;
    standing("over", "");
    transcript.says({ floor: "nobody", heard: "", unheard: "" });
    queueMicrotask(() => end());
    gone();
  };
  return () => { over = true; end(); };
}
