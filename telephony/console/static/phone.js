// A telephone in the page: the carrier's side of Media Streams over a socket of this server.

const CHANNELS = { audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

function bytes(text) {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

export class Phone {
  /** `told(what, value)`: "level-in", "level-out" (0 to 1), "over" (why). */
  constructor(worklet, told) {
    this.worklet = worklet;
    this.told = told;
    this.played = 0;
    this.sequence = 0;
    this.muted = false;
    this.over = false;
  }

  /** Asks for the microphone, unless the call is over meanwhile. Throws where there is none or it is refused. */
  async plugIn() {
    if (!navigator.mediaDevices) throw new Error("This browser gives a microphone to pages that come by https only, or from this machine.");
    this.microphone = await navigator.mediaDevices.getUserMedia(CHANNELS);
    if (this.over) return this.unplug();
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(this.worklet);
    if (this.over) return this.unplug();
    this.node = new AudioWorkletNode(this.context, "frontdesk-phone", { outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => this[`on_${data.what}`](data);
    this.mute(this.muted);
    this.context.createMediaStreamSource(this.microphone).connect(this.node);
    this.node.connect(this.context.destination);
    await this.context.resume();
  }

  /** Opens the stream of a call whose ticket this is. */
  call(ticket) {
    this.ticket = ticket;
    this.stream = `MZ${ticket.call_id.slice(2)}`;
    const url = new URL(ticket.stream, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url);
    this.socket.addEventListener("open", () => this.begin());
    this.socket.addEventListener("message", ({ data }) => this.received(JSON.parse(data)));
    this.socket.addEventListener("close", ({ code }) => this.ended(code === 1000 ? "" : `the line broke (${code})`));
  }

  begin() {
    this.say({ event: "connected", protocol: "Call", version: "1.0.0" });
    this.say({
      event: "start", sequenceNumber: this.number(), streamSid: this.stream,
      start: {
        streamSid: this.stream, accountSid: this.ticket.account_id, callSid: this.ticket.call_id,
        tracks: ["inbound"], customParameters: { token: this.ticket.token },
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      },
    });
    this.frames = 0;
  }

  number() {
    this.sequence += 1;
    return String(this.sequence);
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  received(message) {
    switch (message.event) {
      case "media": {
        const ulaw = bytes(message.media.payload);
        this.node.port.postMessage({ what: "play", ulaw });
        break;
      }
      case "mark":
        this.node.port.postMessage({ what: "mark", name: message.mark.name });
        break;
      case "clear":
        this.node.port.postMessage({ what: "clear" });
        break;
      default:
    }
  }

  // ---- what the audio thread tells ---------------------------------------------------------------

  on_frame({ ulaw, level }) {
    this.told("level-in", level);
    if (this.frames === undefined || this.over) return;
    this.frames += 1;
    const media = { track: "inbound", chunk: String(this.frames), timestamp: String((this.frames - 1) * 20), payload: base64(ulaw) };
    this.say({ event: "media", sequenceNumber: this.number(), streamSid: this.stream, media });
  }

  /** What was handed to the sound card is heard only when it comes out of it. */
  on_mark({ name }) {
    const wait = (this.context.outputLatency || this.context.baseLatency || 0) * 1000;
    setTimeout(() => this.say({ event: "mark", sequenceNumber: this.number(), streamSid: this.stream, mark: { name } }), wait);
  }

  on_level({ level }) {
    this.told("level-out", level);
  }

  // ---- what the person does ----------------------------------------------------------------------

  press(digit) {
    this.say({ event: "dtmf", streamSid: this.stream, sequenceNumber: this.number(), dtmf: { track: "inbound_track", digit } });
  }

  /** Also before there is a microphone: then from its first sound on. */
  mute(muted) {
    this.muted = muted;
    this.node?.port.postMessage({ what: "mute", muted });
  }

  /** Also while it is calling: then no call is made. */
  hangUp() {
    if (this.ticket) {
      const stop = { accountSid: this.ticket.account_id, callSid: this.ticket.call_id };
      this.say({ event: "stop", sequenceNumber: this.number(), streamSid: this.stream, stop });
    }
    this.socket?.close(1000);
    this.ended("");
  }

  ended(why) {
    if (this.over) return;
    this.over = true;
    this.unplug();
    this.told("over", why);
  }

  unplug() {
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    this.node?.port.postMessage({ what: "end" });
    if (this.context?.state !== "closed") this.context?.close();
  }
}
