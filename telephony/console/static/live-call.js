// One live call: follow it, and step in.

import { make, send, shortcut, toast } from "./base.js";
import { Listening } from "./sound.js";
import { dollars, follow, since, states, Transcript } from "./transcript.js";

const call = document.getElementById("call");
const callId = call.dataset.call;
const here = `/api/v1/live/${encodeURIComponent(callId)}`;
const at = (id) => document.getElementById(id);
const link = at("link").firstElementChild;
let view = null;
let over = false;
let listening = null;

function write(id, text) {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text;
}

function standing(text, kind) {
  link.textContent = text;
  link.className = `badge ${kind}`;
}

function changed(now) {
  const targets = view?.targets;
  view = now;
  write("caller", now.caller || "number withheld");
  write("f-called", now.called || "—");
  write("f-persona", now.persona || "built-in");
  write("f-engine", now.seat ? `${now.engine}, session ${now.seat + 1}` : now.engine);
  write("f-state", states[now.phase] || now.phase);
  write("f-tools", now.tools.map((tool) => tool.waits ? `${tool.name} waits for a person` : tool.name).join(", ") || "none runs");
  write("f-cost", dollars(now.cost_micros, now.cost_unknown));
  if (now.targets.join("\n") !== targets?.join("\n")) offer(now.targets);
  lookAtApprovals();
  tick();
}

function tick() {
  if (view && !over) write("f-since", since(view.started_at));
}

function offer(targets) {
  const to = at("to");
  if (!to) return;
  to.replaceChildren(...targets.map((name) => make("option", { value: name }, name)));
  to.closest("form").querySelector("button").disabled = !targets.length;
  if (!targets.length) to.append(make("option", { value: "" }, "nobody named in phone.yaml"));
}

function gone() {
  over = true;
  at("over").hidden = false;
  // It was over before anything of it came.
  call.hidden = view === null;
  write("f-state", states.ended);
  listening?.stop();
  for (const button of document.querySelectorAll(".controls button, .controls textarea, .controls select, #waiting button")) button.disabled = true;
}

// ---- stepping in -----------------------------------------------------------------------------

async function act(what, body, said) {
  try {
    await send("POST", `${here}/${what}`, body);
    toast(said);
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}

at("whisper")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = at("words"), button = event.target.querySelector("button"), sent = words.value;
  // Keys send a form whose button is off.
  if (!sent.trim() || button.disabled) return;
  button.disabled = true;
  if (await act("whisper", { words: sent.trim() }, "The agent was told.") && words.value === sent) words.value = "";
  button.disabled = over;
});
at("words")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
});
at("transfer")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const to = at("to").value;
  if (to && confirm(`Put the caller through to ${to}?`)) act("transfer", { to }, "The caller is put through.");
});
at("take-over")?.addEventListener("click", () => {
  if (confirm("Put the caller through to a person? The agent stops talking at once.")) act("take-over", undefined, "The caller is put through.");
});
at("hang-up")?.addEventListener("click", () => {
  if (confirm("End this call? The agent says goodbye first.")) act("hang-up", undefined, "The agent says goodbye.");
});

function listen() {
  if (over) return;
  const button = at("listen");
  if (listening) return listening.stop();
  listening = new Listening(callId);
  document.documentElement.dataset.listening = "yes";
  button.setAttribute("aria-pressed", "true");
  listening.done.catch((error) => toast(error.message)).finally(() => {
    listening = null;
    delete document.documentElement.dataset.listening;
    button.setAttribute("aria-pressed", "false");
  });
}
at("listen")?.addEventListener("click", listen);
if (at("words")) shortcut("w", "", () => at("words").focus());
if (at("listen")) shortcut("l", "", listen);

// ---- what waits for a person's word ------------------------------------------------------------

const SETTLED = [404, 409]; // it is gone, or decided already
let shown = "";

async function lookAtApprovals() {
  if (!call.dataset.approve) return;
  const waits = view.tools.filter((tool) => tool.waits).map((tool) => tool.id).join(" ");
  if (waits === shown) return;
  shown = waits;
  try {
    const every = waits ? await send("GET", "/api/v1/approvals") : [];
    show(every.filter((each) => each.call_id === callId));
  } catch (error) {
    shown = "";
    toast(error.message);
  }
}

function show(waiting) {
  at("approvals").hidden = !waiting.length;
  at("waiting").replaceChildren(...waiting.map((each) => {
    const still = (disabled) => { for (const button of box.querySelectorAll("button")) button.disabled = disabled; };
    const decide = async (how, said) => {
      still(true);
      try {
        await send("POST", `/api/v1/approvals/${each.id}/${how}`);
        toast(said);
      } catch (error) {
        toast(error.message);
        // Of other errors nobody knows: it may wait as before.
        if (!SETTLED.includes(error.status)) return still(over);
      }
      box.remove();
      at("approvals").hidden = !at("waiting").children.length;
    };
    const until = new Date(each.deadline_at).toLocaleTimeString();
    const otherwise = each.otherwise === "allow" ? "it runs" : "it does not run";
    const box = make("div", {}, make("h3", {}, each.tool), make("pre", {}, JSON.stringify(each.arguments, null, 2)),
      make("p", { class: "small dim" }, `The caller waits. If nobody decides until ${until}, ${otherwise}.`),
      make("p", { class: "row" },
        make("button", { type: "button", class: "main", onclick: () => decide("approve", "It may run, once.") }, "Approve"),
        make("button", { type: "button", onclick: () => decide("refuse", "It does not run.") }, "Refuse")));
    return box;
  }));
}

follow(callId, new Transcript(at("said"), at("saying")), { changed, gone, standing });
setInterval(tick, 1_000);
