// G.711 mu-law, and listening to both sides of a line.

const BIAS = 0x84;
const LOUDEST = 32_635;

/** Samples from -1 to 1 by mu-law byte (ITU-T G.711). */
export const decoded = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const size = ((((code & 0x0f) << 3) + BIAS) << ((code & 0x70) >> 4)) - BIAS;
  return (code & 0x80 ? -size : size) / 32_768;
});

/** One sample from -1 to 1 as a mu-law byte. */
export function encoded(sample) {
  const whole = Math.max(-LOUDEST, Math.min(LOUDEST, Math.round(sample * 32_768)));
  const size = Math.abs(whole) + BIAS;
  const segment = Math.max(0, 31 - Math.clz32(size) - 7);
  const code = (whole < 0 ? 0x80 : 0) | (segment << 4) | ((size >> (segment + 3)) & 0x0f);
  return ~code & 0xff;
}

const RATE = 8_000;
// What is said and heard is told up to six tenths of a second later, in pieces of any length.
const BEHIND_S = 0.75;
const HEAD_BYTES = 8;

/** Plays what is said in a call, both sides, until stopped or over. */
export class Listening {
  constructor(callId) {
    this.context = new AudioContext();
    this.stopping = new AbortController();
    this.ends = [0, 0];
    this.zero = null;
    this.heardSamples = 0;
    this.done = this.run(`/api/v1/live/${encodeURIComponent(callId)}/sound`);
  }

  stop() {
    this.stopping.abort();
  }

  async run(url) {
    try {
      await this.context.resume();
      const answer = await fetch(url, { signal: this.stopping.signal, credentials: "same-origin" });
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
      await this.play(answer.body.getReader());
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      await this.context.close();
    }
  }

  async play(reader) {
    let rest = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const all = new Uint8Array(rest.length + value.length);
      all.set(rest);
      all.set(value, rest.length);
      rest = this.pieces(all);
    }
  }

  /** Plays all whole pieces and gives what is left. */
  pieces(bytes) {
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const head = new DataView(bytes.buffer, bytes.byteOffset + at, HEAD_BYTES);
      const length = head.getUint16(2, true);
      if (bytes.length - at < HEAD_BYTES + length) break;
      this.piece(head.getUint8(0), head.getUint32(4, true), bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length));
      at += HEAD_BYTES + length;
    }
    return bytes.slice(at);
  }

  piece(track, atSamples, ulaw) {
    if (!ulaw.length) return;
    const now = this.context.currentTime;
    this.zero ??= now + BEHIND_S - atSamples / RATE;
    const begins = Math.max(this.zero + atSamples / RATE, this.ends[track], now);
    if (begins > now + 2) return;
    const buffer = this.context.createBuffer(1, ulaw.length, RATE);
    buffer.getChannelData(0).set(Float32Array.from(ulaw, (byte) => decoded[byte]));
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.start(begins);
    this.ends[track] = begins + ulaw.length / RATE;
    this.heardSamples += ulaw.length;
  }
}
