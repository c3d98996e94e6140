// Try it: a phone in the page with what is said beside it, and scenarios that the server plays.

import { send, shortcut, SLOW_MS, toast } from "./base.js";
import { Phone } from "./phone.js";
import { Listening } from "./sound.js";
import { follow, Transcript } from "./transcript.js";

const at = (id) => document.getElementById(id);
const trial = at("trial");
let phone = null;
let listening = null;
let unfollow = () => {};

function standing(text, kind = "") {
  const badge = at("link").firstElementChild;
  badge.textContent = text;
  badge.className = `badge ${kind}`;
}

function busy(calls, plays = calls) {
  at("dial").disabled = plays;
  at("hang-up").disabled = at("mute").disabled = !calls;
  for (const key of document.querySelectorAll("[data-key]")) key.disabled = !calls;
  for (const button of document.querySelectorAll("[data-scenario]")) button.disabled = plays;
}

function numbers() {
  return { caller: at("f-caller").value.trim(), called: at("f-called").value.trim() };
}

const transcript = trial ? new Transcript(at("said"), at("saying")) : null;

function watch(callId) {
  unfollow();
  transcript.clear();
  trial.dataset.call = callId;
  const kept = at("kept");
  kept.hidden = true;
  kept.href = `/console/calls/${encodeURIComponent(callId)}`;
  unfollow = follow(callId, transcript, { changed: () => {}, gone: () => { kept.hidden = false; } });
}

// ---- the phone -----------------------------------------------------------------------------------

function told(what, value) {
  if (what === "over") {
    at("level-in").value = at("level-out").value = 0;
    standing(value || "call ended", value ? "bad" : "");
    mute(false);
    busy(false);
    phone = null;
  } else {
    at(what).value = Math.min(1, value * 1.5);
  }
}

async function dial() {
  busy(true);
  standing("calling …");
  const mine = phone = new Phone(trial.dataset.worklet, told);
  try {
    await mine.plugIn();
    if (mine.over) return;
    const ticket = await send("POST", "/api/v1/trial/calls", numbers());
    if (mine.over) return;
    mine.call(ticket);
    standing("on the line", "good");
    watch(ticket.call_id);
  } catch (error) {
    // What it was stopped in the middle of is no failure.
    if (mine.over) return;
    mine.ended(error.name === "NotAllowedError" ? "the microphone was refused" : error.message);
    toast(error.message);
  }
}

function mute(muted) {
  const button = at("mute");
  button.setAttribute("aria-pressed", String(muted));
  button.textContent = muted ? "Muted" : "Mute";
  phone?.mute(muted);
}

function toggle() {
  if (phone) mute(at("mute").getAttribute("aria-pressed") !== "true");
}

// ---- scenarios -----------------------------------------------------------------------------------

async function play(name) {
  busy(false, true);
  standing("learning the lines …");
  try {
    const { call_id: callId } = await send("POST", `/api/v1/trial/scenarios/${name}`, numbers(), {}, SLOW_MS);
    standing("playing", "good");
    watch(callId);
    listening = new Listening(callId);
    await listening.done;
    standing("call ended");
  } catch (error) {
    standing("ready");
    toast(error.message);
  } finally {
    listening = null;
    busy(false);
  }
}

if (trial) {
  at("dial").addEventListener("click", dial);
  at("hang-up").addEventListener("click", () => phone?.hangUp());
  at("mute").addEventListener("click", toggle);
  shortcut("m", "", toggle);
  for (const key of document.querySelectorAll("[data-key]")) {
    key.addEventListener("click", () => phone?.press(key.dataset.key));
    shortcut(key.dataset.key, "", () => { if (!key.disabled) key.click(); });
  }
  for (const button of document.querySelectorAll("[data-scenario]")) {
    button.addEventListener("click", () => play(button.dataset.scenario));
  }
  addEventListener("pagehide", () => phone?.hangUp());
}
