// Pure functions on samples: decoding, filters, triggers.

/** Turn 16-bit little-endian integers into millivolts. */
export function decode(buffer, scale) {
  const view = new DataView(buffer);
  const samples = new Float32Array(buffer.byteLength >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) * scale;
  return samples;
}

/** Coefficients of a Butterworth filter of second order, by the bilinear transform. */
export function butterworth(kind, cutoff, sfreq) {
  const k = Math.tan((Math.PI * cutoff) / sfreq);
  const norm = 1 / (1 + Math.SQRT2 * k + k * k);
  const a1 = 2 * (k * k - 1) * norm;
  const a2 = (1 - Math.SQRT2 * k + k * k) * norm;
  return kind === "low"
    ? { b0: k * k * norm, b1: 2 * k * k * norm, b2: k * k * norm, a1, a2 }
    : { b0: norm, b1: -2 * norm, b2: norm, a1, a2 };
}

function run(samples, { b0, b1, b2, a1, a2 }, rest) {
  // As if the first sample had stood there for ever: no step at the beginning.
  const first = samples.length ? samples[0] : 0;
  const out = new Float32Array(samples.length);
  let s1 = 0;
  let s2 = 0;
  for (let i = 0; i < samples.length; i++) {
    const x = samples[i] - first;
    const y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    out[i] = y + rest * first;
  }
  return out;
}

/** Filter as the machine does, forwards in time; 0 is off, as is a cutoff the rate cannot hold. */
export function filtered(samples, sfreq, highpass, lowpass) {
  let out = samples;
  if (highpass > 0 && highpass < sfreq / 2) out = run(out, butterworth("high", highpass, sfreq), 0);
  if (lowpass > 0 && lowpass < sfreq / 2) out = run(out, butterworth("low", lowpass, sfreq), 1);
  return out;
}

/** Samples at which the signal crosses a level; none within a sweep of another. */
export function triggers(samples, level, slope, length, before) {
  const found = [];
  for (let i = 1; i < samples.length; i++) {
    const crosses = slope > 0
      ? samples[i - 1] < level && samples[i] >= level
      : samples[i - 1] > level && samples[i] <= level;
    if (crosses) {
      found.push(i);
      i += Math.max(1, length - before) - 1;
    }
  }
  return found;
}

/** Where each sweep begins, in samples, and when it is triggered: by what rises on the screen. */
export function sweepsOf(samples, sfreq, { sweep, trigger, level, slope, delay, invert }) {
  const length = Math.max(1, (sfreq * 10 * sweep) / 1000);
  if (!trigger) {
    const count = Math.ceil(samples.length / length);
    const starts = Array.from({ length: count }, (_, k) => k * length);
    return { length, starts, from: starts };
  }
  const before = delay * length;
  const up = invert ? -1 : 1;
  const from = triggers(
    samples, (up * level) / 1000, up * slope, Math.round(length), Math.round(before));
  return { length, starts: from.map((at) => at - before), from };
}

/** Largest and smallest sample between two indices. */
export function extremes(samples, start, stop) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = Math.max(0, start); i < Math.min(samples.length, stop); i++) {
    if (samples[i] < low) low = samples[i];
    if (samples[i] > high) high = samples[i];
  }
  return { low, high };
}
