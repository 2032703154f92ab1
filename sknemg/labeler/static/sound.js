// The sound of a recording, and the clock that the trace follows: what is heard is what is drawn.

const LOUDNESS = 0.5; // of a millivolt at 0 dB; 1 is all that a loudspeaker is given

/** Factor from millivolts to the loudspeaker. It depends neither on the gain nor on the signal. */
export function loudness(decibels) {
  return LOUDNESS * 10 ** (decibels / 20);
}

export class Sound {
  constructor() {
    this.context = null;
    this.source = null;
    this.audible = false;
    this.decibels = 0;
  }

  /** Take the loudspeaker; a browser gives it after a click or a key. */
  prepare() {
    if (this.context) return;
    try {
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.volume = this.context.createGain();
      const limiter = this.context.createWaveShaper();
      limiter.curve = new Float32Array([-1, 0, 1]); // a straight line: beyond it, the end
      this.volume.connect(limiter).connect(this.context.destination);
    } catch {
      this.context = null; // no sound on this computer: the trace runs by the clock
    }
  }

  setVolume(decibels) {
    this.decibels = decibels;
    if (this.context) this.volume.gain.value = loudness(decibels);
  }

  /** Play from a time in seconds, at a speed. */
  async start(samples, sfreq, from, speed) {
    this.stop();
    this.prepare();
    this.from = from;
    this.speed = speed;
    this.latest = from;
    this.audible = false;
    if (this.context) {
      try {
        await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, 300))]);
        const buffer = this.context.createBuffer(1, samples.length, sfreq);
        buffer.copyToChannel(samples, 0);
        this.source = new AudioBufferSourceNode(this.context, { buffer, playbackRate: speed });
        this.source.connect(this.volume);
        this.setVolume(this.decibels);
        this.began = this.context.currentTime + 0.02;
        this.source.start(this.began, from);
        this.audible = this.context.state === "running";
      } catch {
        this.source = null; // a rate that browsers do not play
      }
    }
    this.wall = performance.now();
    return this.audible;
  }

  /** Time of the recording that is being heard, in seconds. */
  now() {
    const passed = this.audible ? this.heard() - this.began : (performance.now() - this.wall) / 1000;
    this.latest = Math.max(this.latest, this.from + passed * this.speed);
    return this.latest;
  }

  /** Time on the clock of the sound, at the loudspeaker. */
  heard() {
    const stamp = this.context.getOutputTimestamp?.();
    if (stamp?.performanceTime > 0) {
      const reached = stamp.contextTime + (performance.now() - stamp.performanceTime) / 1000;
      return Math.min(reached, this.context.currentTime);
    }
    return this.context.currentTime - (this.context.outputLatency || 0);
  }

  stop() {
    if (this.source) {
      try {
        this.source.stop();
      } catch {
        // it was never started
      }
      this.source.disconnect();
    }
    this.source = null;
  }
}
