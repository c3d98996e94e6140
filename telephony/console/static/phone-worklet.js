// The phone's ear and mouth, on the audio thread: 8,000 samples a second of mu-law both ways.
//
// Out: frames of 160 bytes as they are spoken. In: pieces to be played in order, with marks between
// them; a mark is told the moment all before it was handed to the sound card, and not before.

import { decoded, encoded } from "./sound.js";

const LINE_RATE = 8_000;
const FRAME = 160;
const LOBES = 12;
const PASS = 0.92;

/** Samples at one rate from samples at another, by a windowed sinc; keeps its state. */
class Resampler {
  constructor(from, to) {
    this.step = from / to;
    this.width = Math.max(1, this.step);
    this.reach = Math.ceil(LOBES * this.width);
    this.kept = new Float32Array(2 * this.reach);
    this.at = this.reach;
  }

  push(samples) {
    const all = new Float32Array(this.kept.length + samples.length);
    all.set(this.kept);
    all.set(samples, this.kept.length);
    const out = [];
    while (this.at + this.reach < all.length) {
      out.push(this.sample(all));
      this.at += this.step;
    }
    const gone = Math.max(0, Math.floor(this.at) - this.reach);
    this.kept = all.slice(gone);
    this.at -= gone;
    return out;
  }

  sample(all) {
    const cut = PASS / this.width;
    const middle = Math.floor(this.at);
    let sum = 0, weights = 0;
    for (let index = Math.max(0, middle - this.reach + 1); index <= middle + this.reach && index < all.length; index += 1) {
      const away = index - this.at;
      const turned = Math.PI * cut * away;
      const window = 0.5 + 0.5 * Math.cos(Math.PI * away / (this.reach + 1));
      const weight = (turned === 0 ? 1 : Math.sin(turned) / turned) * window;
      sum += weight * all[index];
      weights += weight;
    }
    return weights ? sum / weights : 0;
  }
}

class Phone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.down = new Resampler(sampleRate, LINE_RATE);
    this.up = new Resampler(LINE_RATE, sampleRate);
    this.frame = [];
    this.queue = [];
    this.ready = [];
    this.muted = false;
    this.open = true;
    this.port.onmessage = ({ data }) => this[data.what](data);
  }

  play({ ulaw }) { this.queue.push({ ulaw, at: 0 }); }

  mark({ name }) { this.queue.push({ name }); }

  /** Throws away what was not played; its marks come back at once, as a carrier gives them back. */
  clear() {
    const marks = this.queue.filter((each) => each.name !== undefined).map((each) => each.name);
    this.queue = [];
    this.ready = [];
    this.up = new Resampler(LINE_RATE, sampleRate);
    for (const name of marks) this.port.postMessage({ what: "mark", name });
  }

  mute({ muted }) { this.muted = muted; }

  end() { this.open = false; }

  process(inputs, outputs) {
    this.hear(inputs[0]?.[0]);
    this.speak(outputs[0]);
    return this.open;
  }

  hear(samples) {
    const heard = samples ?? new Float32Array(outputLength);
    for (const sample of this.down.push(this.muted ? new Float32Array(heard.length) : heard)) {
      this.frame.push(sample);
      if (this.frame.length === FRAME) this.send();
    }
  }

  send() {
    const loudest = this.frame.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    this.port.postMessage({ what: "frame", ulaw: Uint8Array.from(this.frame, encoded), level: loudest });
    this.frame = [];
  }

  speak(channels) {
    const length = channels[0].length;
    while (this.ready.length < length) this.ready.push(...this.up.push(this.next()));
    const samples = Float32Array.from(this.ready.splice(0, length));
    for (const channel of channels) channel.set(samples);
  }

  /** The next 20 samples of the line, silence where there is nothing; marks in front of them told. */
  next() {
    const line = new Float32Array(20);
    let at = 0, loudest = 0;
    while (at < line.length) {
      const piece = this.queue[0];
      if (piece === undefined) break;
      if (piece.name !== undefined) {
        this.port.postMessage({ what: "mark", name: piece.name });
        this.queue.shift();
      } else if (piece.at === piece.ulaw.length) {
        this.queue.shift();
      } else {
        line[at] = decoded[piece.ulaw[piece.at]];
        loudest = Math.max(loudest, Math.abs(line[at]));
        piece.at += 1;
        at += 1;
      }
    }
    while (this.queue[0]?.ulaw && this.queue[0].at === this.queue[0].ulaw.length) this.queue.shift();
    while (this.queue[0]?.name !== undefined) this.port.postMessage({ what: "mark", name: this.queue.shift().name });
    if (loudest !== this.loudest) this.port.postMessage({ what: "level", level: loudest });
    this.loudest = loudest;
    return line;
  }
}

const outputLength = 128;

registerProcessor("frontdesk-phone", Phone);
