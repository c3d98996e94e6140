// The player of one call: sound, waveforms, and the words as they are spoken. It imports nothing, for
// it also stands inside the file of a call that opens anywhere.

const STEP_S = 5;
const FAR_S = 30;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];
const MONO = { both: [1, 1], caller: [1, 0], agent: [0, 1] };

/** `mm:ss.t`, as the page writes times. */
export function clock(ms) {
  const tenths = Math.floor(Math.max(0, ms) / 100);
  const pad = (number) => String(number).padStart(2, "0");
  return `${pad(Math.floor(tenths / 600))}:${pad(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
}

/** The last of `starts` (ascending) that is not after `ms`, or -1. */
export function lastBegun(starts, ms) {
  let low = 0, high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function bytes(base64) {
  const text = atob(base64);
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Elements with their beginning and end in ms, by beginning. */
class Spoken {
  constructor(selector) {
    this.all = [...document.querySelectorAll(selector)]
      .map((element) => ({ element, from: Number(element.dataset.s), to: Number(element.dataset.e) }))
      .sort((one, other) => one.from - other.from);
    this.starts = this.all.map((each) => each.from);
    // What begins later may end earlier: how long before a moment one has to look.
    this.longest = Math.max(0, ...this.all.map((each) => each.to - each.from));
    this.now = new Set();
  }

  /** Marks what is being said at `ms`; gives what is new. */
  mark(ms) {
    const found = new Set();
    for (let at = lastBegun(this.starts, ms); at >= 0 && this.starts[at] >= ms - this.longest; at--) {
      if (this.all[at].to > ms) found.add(this.all[at].element);
    }
    const fresh = [...found].filter((element) => !this.now.has(element));
    for (const element of this.now) if (!found.has(element)) element.classList.remove("now");
    for (const element of fresh) element.classList.add("now");
    this.now = found;
    return fresh;
  }
}

class Waves {
  constructor(box, lengthMs) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.head = box.querySelector(".head");
    this.lengthMs = lengthMs;
    this.data = null;
    new ResizeObserver(() => this.draw()).observe(box);
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(data) {
    const tracks = ["caller", "agent", "lost"].map((name) => [name, bytes(data[name])]);
    this.data = { each: data.each_ms, ...Object.fromEntries(tracks) };
    this.draw();
  }

  draw() {
    const { width, height } = this.box.getBoundingClientRect();
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    if (!this.data) return;
    const pen = this.canvas.getContext("2d");
    const style = getComputedStyle(this.box);
    const lane = this.canvas.height / 2;
    this.lane(pen, this.data.caller, lane / 2, lane, style.getPropertyValue("--caller"));
    this.lane(pen, this.data.lost, lane * 1.5, lane, style.getPropertyValue("--lost"));
    this.lane(pen, this.data.agent, lane * 1.5, lane, style.getPropertyValue("--agent"));
  }

  /** One track, the loudest peak of each pixel's time up and down from the middle. */
  lane(pen, peaks, middle, height, colour) {
    pen.fillStyle = colour;
    const perPixel = this.lengthMs / this.data.each / this.canvas.width;
    for (let x = 0; x < this.canvas.width; x++) {
      const last = Math.max(Math.floor(x * perPixel) + 1, Math.floor((x + 1) * perPixel));
      let peak = 0;
      for (let at = Math.floor(x * perPixel); at < last; at++) peak = Math.max(peak, peaks[at] || 0);
      const half = peak / 255 * height * 0.48;
      if (half >= 0.5) pen.fillRect(x, middle - half, 1, half * 2);
    }
  }

  place(ms) {
    this.head.style.left = `${this.lengthMs ? Math.min(1, ms / this.lengthMs) * 100 : 0}%`;
    this.box.setAttribute("aria-valuenow", String(Math.round(ms)));
    this.box.setAttribute("aria-valuetext", clock(ms));
  }
}

export class Player {
  constructor(root) {
    this.root = root;
    this.audio = root.querySelector("audio");
    this.lengthMs = Number(root.dataset.lengthMs);
    this.waves = new Waves(root.querySelector(".waves"), this.lengthMs);
    this.read();
    this.graph = null;
    this.frame = 0;
    this.listen();
    this.load();
  }

  /** Looks for words and lines anew: a call that goes on has more of them. */
  read() {
    this.words = new Spoken(".w[data-s]");
    this.lines = new Spoken(".line[data-s]");
  }

  act(name) {
    return this.root.querySelector(`[data-act=${name}]`);
  }

  get ms() {
    return this.audio.currentTime * 1000;
  }

  async load() {
    const inside = document.querySelector("script[data-waves]");
    try {
      if (inside) return this.waves.show(JSON.parse(inside.textContent));
      const answer = await fetch(this.root.dataset.wavesUrl, { credentials: "same-origin" });
      if (answer.ok) this.waves.show(await answer.json());
      else this.trouble("The waveforms cannot be had just now.");
    } catch {
      this.trouble("The waveforms cannot be had just now.");
    }
    return undefined;
  }

  trouble(text) {
    const place = this.root.querySelector("[data-trouble]");
    place.textContent = text;
    place.hidden = false;
  }

  listen() {
    const { audio } = this;
    this.act("play").addEventListener("click", () => this.toggle());
    this.act("back").addEventListener("click", () => this.move(-STEP_S));
    this.act("on").addEventListener("click", () => this.move(STEP_S));
    this.act("speed").addEventListener("change", (event) => { audio.playbackRate = Number(event.target.value); });
    this.act("side").addEventListener("change", (event) => this.hear(event.target.value));
    for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, () => this.changed());
    for (const name of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(name, () => this.show());
    audio.addEventListener("error", () => this.trouble("The recording cannot be played here."));
    document.addEventListener("click", (event) => this.jump(event));
    document.addEventListener("keydown", (event) => this.pressed(event));
    window.addEventListener("hashchange", () => this.toHash());
    this.dragging();
    this.toHash();
  }

  // ---- playing -----------------------------------------------------------------------------------

  toggle() {
    if (this.audio.paused) this.play();
    else this.audio.pause();
  }

  async play() {
    try {
      await this.graph?.context.resume();
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.trouble("The recording cannot be played here.");
    }
  }

  seek(ms) {
    this.audio.currentTime = Math.min(Math.max(0, ms), this.lengthMs) / 1000;
    this.show();
  }

  move(seconds) {
    this.seek(this.ms + seconds * 1000);
  }

  /** One side alone in both ears, or both together. Until somebody asks for one, the caller is on the
   * left and the agent on the right, by no more than the browser's own player. */
  hear(side) {
    this.act("side").value = side;
    if (side === "both" && !this.graph) return;
    this.graph ??= this.wired();
    this.graph.gains.forEach((gain, at) => { gain.gain.value = MONO[side][at]; });
  }

  wired() {
    const context = new AudioContext();
    const splitter = context.createChannelSplitter(2);
    context.createMediaElementSource(this.audio).connect(splitter);
    const gains = [0, 1].map((channel) => {
      const gain = context.createGain();
      splitter.connect(gain, channel);
      gain.connect(context.destination);
      return gain;
    });
    context.resume();
    return { context, gains };
  }

  changed() {
    const playing = !this.audio.paused;
    const button = this.act("play");
    button.querySelector("[data-icon]").textContent = playing ? "❚❚" : "▶";
    button.querySelector("[data-label]").textContent = playing ? "Pause" : "Play";
    cancelAnimationFrame(this.frame);
    if (playing) this.follow();
  }

  /** Words are shorter than the pauses between two `timeupdate`. */
  follow() {
    this.show();
    this.frame = requestAnimationFrame(() => this.follow());
  }

  show() {
    const { ms } = this;
    this.root.querySelector("[data-now]").textContent = clock(ms);
    this.waves.place(ms);
    this.words.mark(ms);
    const [line] = this.lines.mark(ms);
    if (line && !this.audio.paused && this.act("follow").checked) line.scrollIntoView({ block: "nearest" });
  }

  // ---- going somewhere ---------------------------------------------------------------------------

  jump(event) {
    const stamp = event.target.closest("[data-to]");
    const word = event.target.closest(".w, .u");
    const link = event.target.closest("a[href^='#line-']");
    if (stamp) {
      this.seek(Number(stamp.dataset.to));
      this.play();
    } else if (word && !String(getSelection())) {
      this.seek(Number(word.dataset.s));
      this.play();
    } else if (link) {
      const line = document.getElementById(link.hash.slice(1));
      if (line?.dataset.s) this.seek(Number(line.dataset.s));
    }
  }

  toHash() {
    const found = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (found) this.seek(Number(found[1]) * 1000);
  }

  dragging() {
    const { box } = this.waves;
    const to = (event) => {
      const { left, width } = box.getBoundingClientRect();
      this.seek((event.clientX - left) / width * this.lengthMs);
    };
    box.addEventListener("pointerdown", (event) => {
      box.setPointerCapture(event.pointerId);
      to(event);
    });
    box.addEventListener("pointermove", (event) => { if (box.hasPointerCapture(event.pointerId)) to(event); });
  }

  // ---- keyboard ----------------------------------------------------------------------------------

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input, textarea, select, dialog, [contenteditable]")) return;
    // A button that has the focus is pressed by the space bar itself.
    if (event.key === " " && event.target.closest?.("button, a, summary")) return;
    const act = this.keys(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  keys(event) {
    const slider = event.target === this.waves.box;
    return {
      " ": () => this.toggle(),
      ArrowLeft: () => this.move(-STEP_S),
      ArrowRight: () => this.move(STEP_S),
      "[": () => this.faster(-1),
      "]": () => this.faster(1),
      1: () => this.hear("both"),
      2: () => this.hear("caller"),
      3: () => this.hear("agent"),
      ...(slider && {
        ArrowDown: () => this.move(-STEP_S),
        ArrowUp: () => this.move(STEP_S),
        PageDown: () => this.move(-FAR_S),
        PageUp: () => this.move(FAR_S),
        Home: () => this.seek(0),
        End: () => this.seek(this.lengthMs),
      }),
    }[event.key];
  }

  faster(steps) {
    const at = SPEEDS.indexOf(this.audio.playbackRate) + steps;
    const speed = SPEEDS[Math.min(Math.max(0, at), SPEEDS.length - 1)];
    this.audio.playbackRate = speed;
    this.act("speed").value = String(speed);
  }
}

/** The page's player, if it has one. */
export const player = (() => {
  const root = document.querySelector("[data-player]");
  return root ? new Player(root) : null;
})();
