// The log of calls: move and open by keyboard, label, keep views.

import { make, send, shortcut, toast, undoable } from "./base.js";

const API = "/api/v1";
const rows = [...document.querySelectorAll("#calls tbody tr:not(.said)")];
let at = -1;

// ---- keyboard ------------------------------------------------------------------------------------

function select(next) {
  if (!rows.length) return;
  rows[at]?.removeAttribute("aria-selected");
  at = Math.max(0, Math.min(rows.length - 1, next));
  rows[at].setAttribute("aria-selected", "true");
  rows[at].querySelector(".open").focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: "nearest" });
}

const follow = (selector) => document.querySelector(selector)?.click();

shortcut("j", "Next call", () => select(at + 1));
shortcut("k", "Call before", () => select(at - 1));
shortcut("Enter", "Open the call", (event) => {
  const own = event.target.closest?.("a, button, summary");
  (own ?? rows[at]?.querySelector(".open"))?.click();
});
shortcut("/", "Search", () => {
  const search = document.getElementById("f-q");
  search.focus();
  search.select();
});
shortcut("n", "Next page", () => follow("a[rel=next]"));
shortcut("p", "Page before", () => follow("a[rel=prev]"));
shortcut("l", "Label the call", () => rows[at]?.querySelector(".add")?.click());

// ---- a question in a dialog ----------------------------------------------------------------------

const dialog = document.getElementById("ask");
const text = document.getElementById("ask-text");
const shared = document.getElementById("ask-shared");
document.getElementById("ask-cancel").addEventListener("click", () => dialog.close(""));

function ask(title, label, sharing) {
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-label").textContent = label;
  document.getElementById("ask-share").hidden = !sharing;
  text.value = "";
  text.toggleAttribute("list", !sharing);
  if (!sharing) text.setAttribute("list", "known-labels");
  shared.checked = false;
  dialog.returnValue = "";
  dialog.showModal();
  text.focus();
  return new Promise((answered) => {
    dialog.addEventListener("close", () => {
      const said = dialog.returnValue === "yes" ? text.value.trim() : "";
      answered(said ? { text: said, shared: shared.checked } : null);
    }, { once: true });
  });
}

const failed = (error) => toast(error.message);

// ---- labels --------------------------------------------------------------------------------------

const labelsOf = (row) => `${API}/calls/${encodeURIComponent(row.dataset.call)}/labels`;

async function change(row, method, label) {
  const url = method === "POST" ? labelsOf(row) : `${labelsOf(row)}/${encodeURIComponent(label)}`;
  const answer = await send(method, url, method === "POST" ? { label } : undefined);
  row.querySelector(".own-labels").replaceChildren(...answer.labels.flatMap((each) => [badge(row, each.label), " "]));
  return answer;
}

function badge(row, label) {
  const off = make("button", { type: "button", class: "tiny", "aria-label": `Take off the label ${label}` }, "×");
  off.addEventListener("click", () => takeOff(row, label));
  return make("span", { class: "badge note label" }, label, off);
}

async function takeOff(row, label) {
  try {
    await change(row, "DELETE", label);
    undoable(`Label “${label}” taken off.`, () => change(row, "POST", label));
  } catch (error) { failed(error); }
}

async function put(row) {
  const said = await ask("Label this call", "Label", false);
  if (!said) return;
  try {
    const { label, new: fresh } = await change(row, "POST", said.text);
    // What somebody else has put on is not ours to take off.
    if (fresh) undoable(`Labelled “${label}”.`, () => change(row, "DELETE", label));
    else toast(`It has the label “${label}” already.`);
  } catch (error) { failed(error); }
}

for (const row of rows) {
  const add = row.querySelector(".add");
  if (!add) continue;
  add.hidden = false;
  add.addEventListener("click", () => put(row));
  for (const off of row.querySelectorAll("[data-unlabel]")) {
    off.hidden = false;
    off.addEventListener("click", () => takeOff(row, off.dataset.unlabel));
  }
}

// ---- views ---------------------------------------------------------------------------------------

const keep = document.getElementById("keep");
if (keep) {
  keep.hidden = false;
  keep.addEventListener("click", async () => {
    const said = await ask("Save this view", "Name", true);
    if (!said) return;
    try {
      const view = await send("POST", `${API}/call-views`, { name: said.text, query: keep.dataset.query, shared: said.shared });
      const drop = make("button", { type: "button", class: "quiet tiny", "data-drop": view.id, "aria-label": `Remove the view ${view.name}` }, "×");
      keep.before(make("span", { class: "view" }, make("a", { href: `/console/calls?${view.query}`, "aria-current": "true" }, view.name), drop));
      removable(drop);
      toast(`The view “${view.name}” is kept.`);
    } catch (error) { failed(error); }
  });
}

function removable(button) {
  button.addEventListener("click", async () => {
    try {
      const gone = await send("DELETE", `${API}/call-views/${button.dataset.drop}`);
      button.closest(".view").hidden = true;
      undoable(`The view “${gone.name}” is removed.`, async () => {
        const again = await send("POST", `${API}/call-views`, { name: gone.name, query: gone.query, shared: gone.shared });
        button.dataset.drop = again.id;
        button.closest(".view").hidden = false;
      });
    } catch (error) { failed(error); }
  });
}
document.querySelectorAll("[data-drop]").forEach(removable);
