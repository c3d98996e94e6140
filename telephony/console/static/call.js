// The page of one call, besides its player: labels and notes, and following a call that still runs.

import { make, send, showTimes, toast, undoable } from "./base.js";
import { player } from "./player.js";

const FOLLOW_MS = 2_000;
const root = document.querySelector("[data-call]");
const call = encodeURIComponent(root.dataset.call);
const edits = root.dataset.edits === "yes";

// ---- a call that still runs ----------------------------------------------------------------------

/** The same page, made anew by the server; what has grown is taken from it. */
function fresh() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname);
    request.responseType = "document";
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(new Error(String(request.status))));
    request.onerror = () => reject(new Error("lost"));
    request.send();
  });
}

function take(page, selector) {
  const [old, young] = [document.querySelector(selector), page.querySelector(selector)];
  if (!old || !young || old.textContent === young.textContent) return;
  old.replaceChildren(...document.importNode(young, true).childNodes);
  showTimes(old);
}

function grow(page) {
  const [old, young] = [document.getElementById("transcript"), page.getElementById("transcript")];
  if (!old || !young) {
    if (young) location.reload();
    return;
  }
  if (old.textContent !== young.textContent) {
    old.replaceChildren(...document.importNode(young, true).childNodes);
    player?.read();
  }
}

async function follow() {
  if (!document.hidden) {
    try {
      const page = await fresh();
      grow(page);
      for (const part of ["#state", "#facts", "#waits", "#costs"]) take(page, part);
      root.dataset.running = page.querySelector("[data-call]").dataset.running;
    } catch {
      // The next try is as good as any; what stands here stays readable.
    }
  }
  if (root.dataset.running === "yes") setTimeout(follow, FOLLOW_MS);
  else toast("The call is over.", { label: "Show all of it", act: () => location.reload(), stays: true });
}

if (root.dataset.running === "yes") setTimeout(follow, FOLLOW_MS);

// ---- labels and notes ----------------------------------------------------------------------------

const area = document.querySelector("[data-labels]");
const api = `/api/v1/calls/${call}`;

function label(name) {
  const remove = async () => {
    try {
      await send("DELETE", `${api}/labels/${encodeURIComponent(name)}`);
      await showLabels();
      undoable(`The label ${name} is gone.`, () => addLabel(name));
    } catch (error) {
      toast(error.message);
    }
  };
  const button = make("button", { type: "button", "aria-label": `Take off the label ${name}`, onclick: remove }, "×");
  return make("span", { class: "badge accent" }, name, edits ? button : null);
}

async function addLabel(name) {
  await send("POST", `${api}/labels`, { label: name });
  await showLabels();
}

async function showLabels() {
  const { labels } = await send("GET", `${api}/labels`);
  const shown = labels.map((each) => label(each.label));
  area.querySelector("[data-label-list]").replaceChildren(...(shown.length ? shown : [make("span", { class: "dim" }, "No labels yet.")]));
}

function note(each) {
  const remove = async () => {
    try {
      await send("DELETE", `${api}/notes/${each.id}`);
      await showNotes();
      undoable("The note is gone.", async () => {
        await send("POST", `${api}/notes/${each.id}/restore`);
        await showNotes();
      });
    } catch (error) {
      toast(error.message);
    }
  };
  const when = make("time", { datetime: each.created_at }, each.created_at);
  const button = make("button", { type: "button", class: "quiet", onclick: remove }, "Take away");
  return make("article", {}, make("p", { class: "small dim" }, `${each.author}, `, when), each.text, edits ? button : null);
}

async function addNote(text) {
  drawNotes(await send("POST", `${api}/notes`, { text }));
}

async function showNotes() {
  drawNotes(await send("GET", `${api}/notes`));
}

function drawNotes({ notes }) {
  const list = area.querySelector("[data-note-list]");
  list.replaceChildren(...notes.map(note));
  showTimes(list);
}

function form(selector, field, act) {
  const element = area.querySelector(selector);
  const button = element?.querySelector("button");
  element?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = element.elements[field], sent = input.value;
    button.disabled = true;
    try {
      await act(sent.trim());
      if (input.value === sent) element.reset();
    } catch (error) {
      toast(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

async function beginLabels() {
  try {
    await Promise.all([showLabels(), showNotes()]);
  } catch (error) {
    // Where there is no such part of the API there is nothing to show.
    if (error.status === 404) return;
    toast(error.message);
  }
  area.hidden = false;
  form("[data-label-form]", "label", addLabel);
  form("[data-note-form]", "note", addNote);
}

// The log, to which labels and notes belong, gets to know a call when it is over.
if (root.dataset.running !== "yes") beginLabels();
