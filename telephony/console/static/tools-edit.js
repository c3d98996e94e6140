// The editor of one tool or persona: a form and the text beside it, always in step.
import { Refused, make, send, shortcut, showTimes, SLOW_MS, toast } from "./base.js";
import { Fields } from "./tools-fields.js";

const API = "/api/v1/config";
const editor = document.getElementById("editor");
const text = document.getElementById("text");
const gutter = document.getElementById("gutter");
const problems = document.getElementById("problems");
const said = document.getElementById("said");
const results = document.getElementById("results");
const { path } = editor.dataset;
const may = editor.dataset.may === "yes";
const place = `frontdesk-draft:${path}`;
let saved = text.value, etag = editor.dataset.etag, version = Number(editor.dataset.version);
let checking = 0, leaving = false;

// ---- the text ------------------------------------------------------------------------------------

function number(wrong = new Map()) {
  const count = text.value.split("\n").length;
  const rows = Array.from({ length: count }, (_, at) => make("li", { class: wrong.has(at + 1) ? "wrong" : false, title: wrong.get(at + 1) ?? null }, at + 1));
  gutter.replaceChildren(...rows);
  gutter.scrollTop = text.scrollTop;
}

function reach(line) {
  const rows = text.value.split("\n");
  const begin = rows.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(begin, begin + (rows[line - 1] ?? "").length);
  text.scrollTop = Math.max(0, (line - 6) * 24);
}

const dirty = () => text.value !== saved;

function stand() {
  const save = document.getElementById("save");
  if (save) save.disabled = !dirty();
  said.textContent = dirty() ? "Not saved; kept in this browser." : "";
  try {
    if (dirty()) localStorage.setItem(place, JSON.stringify({ text: text.value, etag, at: new Date().toISOString() }));
    else localStorage.removeItem(place);
  } catch { /* Without storage nothing is kept but what is on the page. */ }
}

// ---- checking as you type ------------------------------------------------------------------------

async function check() {
  const turn = ++checking;
  try {
    const found = await send("POST", `${API}/form`, { path, text: text.value });
    if (turn !== checking) return;
    if (found.fields) fields.show(found.fields);
    editor.classList.toggle("unreadable", !found.fields);
    tell(found.errors, found.fields ? found.file_errors : [found.about, ...found.file_errors]);
  } catch (error) {
    if (turn === checking) tell(error.problem?.errors ?? [], [error.message]);
  }
}

function tell(errors, whole) {
  const wrong = new Map(), items = whole.map((each) => make("li", { class: "bad" }, each));
  for (const error of errors) {
    const [, file, line] = /^(.*?)(?::(\d+):\d+)?$/s.exec(error.where);
    const words = `${error.what}. ${error.hint ? `${error.hint}.` : ""}`;
    if (file === path && line) {
      wrong.set(Number(line), words);
      items.push(make("li", {}, make("button", { type: "button", class: "quiet bad", onclick: () => reach(Number(line)) }, `Line ${line}`), ` ${words}`));
    } else items.push(make("li", {}, make("code", {}, error.where), ` ${words}`));
  }
  number(wrong);
  problems.replaceChildren(items.length ? make("ul", {}, ...items) : make("span", { class: "dim small" }, "Nothing is wrong."));
  editor.dataset.errors = String(errors.length);
}

let timer = 0;
function typed() {
  number();
  stand();
  clearTimeout(timer);
  timer = setTimeout(check, 400);
}

// ---- the form writes into the text ---------------------------------------------------------------

let queue = Promise.resolve();
const lost = new Map(); // by its path, what could not be written
const fields = new Fields(document.getElementById("form"), (edits) => { queue = queue.then(() => write(edits)); });

async function write(edits) {
  try {
    for (let tries = 0; tries < 3; tries++) {
      const before = text.value;
      const found = await send("POST", `${API}/edit`, { path, text: before, edits });
      if (text.value !== before) continue; // somebody typed into the text meanwhile
      for (const { path: of } of edits) lost.delete(JSON.stringify(of));
      if (found.text === before) return;
      text.value = found.text;
      number();
      stand();
      await check();
      return;
    }
    throw new Error("The text was typed into meanwhile; change the field again.");
  } catch (error) {
    for (const edit of edits) lost.set(JSON.stringify(edit.path), edit);
    const more = error.problem?.errors?.map((each) => each.what).join("; ");
    toast(more ? `${error.message} ${more}` : error.message);
  }
}

/** Whether all that was typed into the form is in the text now; if not, that was said. What could not be written before is tried again. */
async function written() {
  for (const edit of lost.values()) queue = queue.then(() => write([edit]));
  fields.flush();
  await queue;
  return lost.size === 0;
}

// ---- saving --------------------------------------------------------------------------------------

let saving = Promise.resolve();

/** One after the other: what is saved goes by the tag that the save before it has brought. */
function save() {
  saving = saving.catch(() => {}).then(keep);
  return saving;
}

async function keep() {
  if (leaving || !(await written())) return false;
  if (!dirty()) return true;
  const content = text.value;
  try {
    const answer = await send("PUT", `${API}/files/${path}`, { text: content, why: "" }, { "If-Match": etag });
    saved = content;
    etag = answer.etag;
    version = answer.version;
    stand();
    toast(answer.errors.length ? "Kept as a draft; it has to be mended before it can be published." : "Kept as a draft.");
    return true;
  } catch (error) {
    const draft = error instanceof Refused && error.problem.conflict?.draft;
    if (!draft) { toast(error.message); return false; }
    saved = content; // it is kept as that version
    stand();
    leave(`/console/tools/conflict/${draft}`);
    return false;
  }
}

function leave(where) {
  leaving = true;
  location.assign(where);
}

async function publish() {
  if (await save()) leave(`/console/tools/versions/${version}`);
}

// ---- trying --------------------------------------------------------------------------------------

async function busy(button, work) {
  button.disabled = true;
  results.replaceChildren(make("p", { class: "dim" }, "One moment …"));
  try {
    if (!(await written())) throw new Error("A field could not be written into the text, so nothing was tried.");
    results.replaceChildren(...await work());
    showTimes(results);
  } catch (error) {
    const errors = (error.problem?.errors ?? []).map((each) => make("li", {}, make("code", {}, each.where), ` ${each.what}. ${each.hint}`));
    results.replaceChildren(make("p", { class: "flash bad" }, error.message), make("ul", { class: "errors" }, ...errors));
  } finally { button.disabled = false; }
}

async function examples() {
  const found = await send("POST", `${API}/examples`, { path, changes: { [path]: text.value } });
  if (!found.examples.length) return [make("p", { class: "dim" }, "This file has no examples yet. Add one: what a caller says, what the tool is given, what comes back.")];
  const rows = found.examples.map((each) => make("li", {},
    make("span", { class: `badge ${each.problems.length ? "bad" : each.ran ? "good" : ""}` }, each.problems.length ? "not as it says" : each.ran ? "as it says" : "looked at"),
    ` “${each.says}”`,
    ...each.problems.map((one) => make("p", { class: "small" }, make("code", {}, one.where), ` ${one.what}. ${one.hint}.`)),
    each.gave ? make("details", {}, make("summary", { class: "dim small" }, "What came back"), make("pre", {}, JSON.stringify(each.gave, null, 2))) : null));
  return [make("p", {}, `${found.ran} run, ${found.looked_at} only compared with their parameters: nothing outside is asked.`), make("ul", { class: "tried" }, ...rows)];
}

const KINDS = { routing: "Who answers", verdict: "Tool call", arguments: "Arguments", claim: "Sentence", record: "Record" };

async function past() {
  const calls = Number(document.getElementById("calls").value) || 50;
  const found = await send("POST", `${API}/preview`, { changes: { [path]: text.value }, calls }, {}, SLOW_MS);
  const head = make("p", {}, make("strong", {}, `${found.changed_calls.length} of ${found.calls} calls`), ` would have come out otherwise, in ${found.tool_calls} tool calls that were looked at.`);
  const told = ["added", "removed", "changed"].filter((each) => found[each].length)
    .map((each) => `${each}: ${found[each].join(", ")}`).join("; ");
  const out = [head];
  if (told) out.push(make("p", { class: "flash note" }, `A model is told of other tools than before (${told}). What it would have done then cannot be known.`));
  const offers = new Map();
  for (const call of found.changed_calls) {
    for (const each of call.differences.filter(({ kind }) => kind === "offer")) {
      const words = `${each.what}: ${each.before}, then ${each.after}`;
      offers.set(words, (offers.get(words) ?? 0) + 1);
    }
  }
  if (offers.size) {
    const rows = [...offers].map(([words, calls]) => make("li", {}, `${words} (${calls} ${calls === 1 ? "call" : "calls"})`));
    out.push(make("details", {}, make("summary", {}, `Offered otherwise: ${offers.size} ${offers.size === 1 ? "tool" : "tools"}`), make("ul", {}, ...rows)));
  }
  if (found.changed_calls.some((call) => call.differences.some(({ kind }) => kind !== "offer"))) {
    const rows = found.changed_calls.flatMap((call) => call.differences.filter(({ kind }) => kind !== "offer").map((each) => make("tr", {},
      make("td", {}, make("a", { href: `/console/calls/${encodeURIComponent(call.call_id)}` }, make("time", { datetime: call.started_at }, call.started_at))),
      make("td", {}, KINDS[each.kind]), make("td", {}, each.what), make("td", {}, each.before), make("td", {}, each.after))));
    const heads = ["Call", "What", "Of", "As published", "With this edit"].map((each) => make("th", {}, each));
    out.push(make("div", { class: "table" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows))));
  }
  if (found.unknown_calls) out.push(make("p", { class: "dim" }, `Of ${found.unknown_calls} calls some tool calls cannot be judged: what they were given was kept out of the record.`));
  out.push(make("details", {}, make("summary", { class: "dim small" }, "What can never be known"), make("ul", {}, ...found.never_known.map((each) => make("li", {}, each)))));
  return out;
}

// ---- a draft of before ---------------------------------------------------------------------------

function remember() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(place)); } catch { /* no draft that can be read */ }
  if (!kept || typeof kept.text !== "string" || kept.text === saved) return;
  const box = document.getElementById("kept");
  const since = kept.etag === etag ? "" : " The file was changed since: saving it will show both.";
  box.querySelector("span").replaceChildren("There is a text you have not saved, of ", make("time", { datetime: kept.at }), `.${since}`);
  showTimes(box);
  box.hidden = false;
  document.getElementById("use").addEventListener("click", () => { text.value = kept.text; etag = kept.etag; box.hidden = true; typed(); });
  document.getElementById("drop").addEventListener("click", () => { localStorage.removeItem(place); box.hidden = true; });
}

// ---- the page ------------------------------------------------------------------------------------

text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
number();
if (may) {
  // Who writes the text by hand is shown in the form what it says then.
  text.addEventListener("input", () => { lost.clear(); typed(); });
  // A field's text is on its way only when the typing has paused: it can be saved before.
  document.getElementById("form").addEventListener("input", () => { document.getElementById("save").disabled = false; });
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("publish").addEventListener("click", publish);
  document.getElementById("run").addEventListener("click", (event) => busy(event.currentTarget, examples));
  document.getElementById("past").addEventListener("click", (event) => busy(event.currentTarget, past));
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") { event.preventDefault(); save(); }
  });
  addEventListener("beforeunload", (event) => { if (dirty() && !leaving) event.preventDefault(); });
  shortcut("e", "Go to the text", () => text.focus());
  remember();
  check();
}
