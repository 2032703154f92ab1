// The EMG machine: one recording, the settings of its display, and how it runs.

import { drawHint, drawOverview, drawSweeps, drawTrace, sweepAt } from "./display.js";
import { extremes, filtered, sweepsOf } from "./signal.js";
import { loudness, Sound } from "./sound.js";

export const SWEEPS = [1, 2, 5, 10, 20, 50, 100]; // milliseconds a division

export class Machine {
  constructor({ trace, sweeps, overview, onChange }) {
    this.screens = { trace, sweeps, overview };
    this.onChange = onChange; // called when the time or the state changes
    this.sound = new Sound();
    this.settings = {
      gain: 200, sweep: 10, layout: "stack", invert: true, speed: 1,
      trigger: false, level: 100, slope: 1, delay: 0.2, highpass: 0, lowpass: 0, volume: 0,
    };
    this.samples = new Float32Array(0);
    this.sfreq = 1;
    this.time = 0;
    this.playing = false;
    this.plays = 0;
    this.frames = 0;
    this.clipped = 0;
    this.run = 0;
    new ResizeObserver(() => this.redraw()).observe(trace);
  }

  get seconds() {
    return this.samples.length / this.sfreq;
  }

  /** Put a recording into the machine. */
  load(samples, sfreq) {
    this.pause();
    this.raw = samples;
    this.sfreq = sfreq;
    this.time = 0;
    this.plays = 0;
    this.prepare();
  }

  /** Take the recording out: nothing of it is shown while another is on its way. */
  clear() {
    this.pause();
    this.raw = null;
    this.samples = new Float32Array(0);
    this.sweeps = sweepsOf(this.samples, this.sfreq, this.settings);
    this.time = 0;
    drawOverview(this.screens.overview, this.samples, this.settings.invert);
    this.draw();
  }

  /** Change a setting; a running trace runs on. */
  set(name, value) {
    this.settings[name] = value;
    if (name === "volume") this.sound.setVolume(value);
    if (["highpass", "lowpass", "speed"].includes(name)) {
      this.prepare();
      if (this.playing) this.play();
    } else {
      this.prepare(false);
      if (name === "invert") this.redraw(); // the overview, too
    }
  }

  prepare(refilter = true) {
    if (!this.raw) return;
    const { highpass, lowpass } = this.settings;
    if (refilter) this.samples = filtered(this.raw, this.sfreq, highpass, lowpass);
    this.sweeps = sweepsOf(this.samples, this.sfreq, this.settings);
    if (refilter) this.redraw();
    else this.draw();
  }

  async play(from = this.time) {
    if (!this.raw) return;
    const run = ++this.run;
    this.time = from >= this.seconds ? 0 : from;
    this.playing = true;
    this.plays += 1;
    await this.sound.start(this.samples, this.sfreq, this.time, this.settings.speed);
    if (run !== this.run) return;
    const frame = () => {
      if (run !== this.run) return;
      const before = this.time;
      this.time = Math.min(this.sound.now(), this.seconds);
      this.frames += 1;
      this.listen(before);
      this.draw();
      if (this.time >= this.seconds) this.pause();
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    this.onChange();
  }

  pause() {
    if (!this.playing) return;
    this.run += 1;
    this.playing = false;
    this.sound.stop();
    this.clipped = 0;
    this.draw();
  }

  seek(time) {
    const running = this.playing;
    this.pause();
    this.time = Math.min(Math.max(0, time), this.seconds);
    if (running) this.play();
    else if (this.raw) this.draw();
  }

  /** Show one sweep as a whole: the next, or the one before. */
  step(by) {
    if (!this.raw) return;
    this.pause();
    const now = this.time * this.sfreq;
    const shown = sweepAt(this.sweeps, now - 1e-6);
    const { starts, from, length } = this.sweeps;
    let next = by > 0 && shown >= 0 && starts[shown] + length > now + 1e-6 ? shown : shown + by;
    next = Math.min(Math.max(0, next), from.length - 1);
    if (next >= 0 && from.length) this.seek((starts[next] + length) / this.sfreq);
  }

  /** Whether the loudspeaker was overdriven within the last tenth of a second. */
  listen(before) {
    const { low, high } = extremes(
      this.samples, Math.floor(before * this.sfreq), Math.ceil(this.time * this.sfreq));
    const loud = Math.max(high, -low) * loudness(this.settings.volume) > 1;
    if (loud) this.clipped = performance.now() + 150;
  }

  get overdriven() {
    return this.sound.audible && this.clipped > performance.now();
  }

  draw() {
    const now = this.time * this.sfreq;
    drawTrace(this.screens.trace, this.samples, this.sweeps, now, this.settings);
    drawSweeps(this.screens.sweeps, this.samples, this.sweeps, now, this.settings);
    if (this.raw && !this.playing && this.time === 0) drawHint(this.screens.trace, "Play, or the space bar");
    this.onChange();
  }

  /** Draw all, the overview as well, which shows the same wherever the time stands. */
  redraw() {
    if (!this.raw) return;
    drawOverview(this.screens.overview, this.samples, this.settings.invert);
    this.draw();
  }

  /** What is on the screen, in words. */
  words() {
    const at = sweepAt(this.sweeps, this.time * this.sfreq);
    if (at < 0) return "nothing drawn yet";
    const start = Math.floor(this.sweeps.starts[at]);
    const { low, high } = extremes(
      this.samples, start, Math.min(start + this.sweeps.length, this.time * this.sfreq));
    const size = high >= low ? `, ${Math.round(1000 * (high - low))} µV peak to peak` : "";
    return `sweep ${at + 1} of ${this.sweeps.from.length}${size}`;
  }
}
