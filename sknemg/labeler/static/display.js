// The screens: graticule, running trace, sweeps and overview on canvases.

import { extremes } from "./signal.js";

export const ACROSS = 10; // divisions of a sweep
export const DOWN = 8; // divisions of a screen
export const ROWS = { stack: 8, raster: 20 };
export const ROW = 4; // gains that a row of successive sweeps is high

const TRACE = "#5df0a0";
const OLDER = "#2f8a60";
const OLDEST = "#1d5a3f"; // under others
const GRATICULE = "#1b2a28";
const AXIS = "#2e4441";
const LEVEL = "#ffb454";

/** Fit a canvas to its place on the page; return its context and size in device pixels. */
export function fit(canvas) {
  const ratio = globalThis.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return { context: canvas.getContext("2d", { alpha: false }), width, height, ratio };
}

/** Pixels for a millivolt, upwards; a division is an eighth of the screen. */
export function pixelsPerMillivolt(height, gain, invert) {
  return ((height / DOWN) * 1000 / gain) * (invert ? -1 : 1);
}

function clear({ context, width, height }) {
  context.fillStyle = "#050908";
  context.fillRect(0, 0, width, height);
}

function graticule(screen) {
  const { context, width, height, ratio } = screen;
  clear(screen);
  context.lineWidth = ratio;
  for (let k = 1; k < ACROSS; k++) line(context, (k * width) / ACROSS, 0, (k * width) / ACROSS, height, GRATICULE);
  for (let k = 1; k < DOWN; k++) {
    const y = (k * height) / DOWN;
    line(context, 0, y, width, y, k === DOWN / 2 ? AXIS : GRATICULE);
  }
}

function line(context, x0, y0, x1, y1, colour) {
  context.strokeStyle = colour;
  context.beginPath();
  context.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
  context.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  context.stroke();
}

/**
 * Draw samples [start, stop) of a sweep that begins at sample `origin`. Where several samples share
 * a column of pixels, their least and greatest are drawn, in their order: no peak is lost.
 */
function draw(screen, samples, { start, stop, origin, length, base, scale, colour, weight = 1.4 }) {
  const { context, width, ratio } = screen;
  const first = Math.max(0, Math.ceil(start));
  const last = Math.min(samples.length, Math.ceil(stop));
  if (last <= first) return;
  const perPixel = length / width;
  context.strokeStyle = colour;
  context.lineWidth = weight * ratio;
  context.lineJoin = "round";
  context.beginPath();
  if (perPixel <= 2) {
    for (let i = first; i < last; i++) {
      const x = (i - origin) / perPixel;
      const y = base - samples[i] * scale;
      if (i === first) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
  } else {
    let i = first;
    while (i < last) {
      const column = Math.floor((i - origin) / perPixel);
      const end = Math.min(last, Math.ceil(origin + (column + 1) * perPixel));
      let low = i;
      let high = i;
      for (let j = i + 1; j < end; j++) {
        if (samples[j] < samples[low]) low = j;
        if (samples[j] > samples[high]) high = j;
      }
      const [one, two] = low < high ? [low, high] : [high, low];
      const x = column + 0.5;
      if (i === first) context.moveTo(x, base - samples[one] * scale);
      else context.lineTo(x, base - samples[one] * scale);
      context.lineTo(x, base - samples[two] * scale);
      i = Math.max(end, i + 1);
    }
  }
  context.stroke();
}

/** Number of the sweep that is on the screen at sample `now`; -1 before the first. */
export function sweepAt(sweeps, now) {
  let low = 0;
  let high = sweeps.from.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sweeps.from[middle] <= now) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The trace as it runs: the sweep that is being written, the one before it to its right. */
export function drawTrace(canvas, samples, sweeps, now, settings) {
  const screen = fit(canvas);
  const { context, width, height, ratio } = screen;
  graticule(screen);
  const scale = pixelsPerMillivolt(height, settings.gain, settings.invert);
  const base = height / 2;
  const { length } = sweeps;
  const at = sweepAt(sweeps, now);
  if (settings.trigger) {
    const y = base - (settings.level / 1000) * Math.abs(scale);
    context.setLineDash([6 * ratio, 4 * ratio]);
    line(context, 0, y, width, y, LEVEL);
    line(context, settings.delay * width, 0, settings.delay * width, height, LEVEL);
    context.setLineDash([]);
  }
  if (at < 0) return;
  const origin = sweeps.starts[at];
  const common = { length, base, scale };
  if (!settings.trigger && at > 0) {
    const gap = length * 0.02;
    const before = sweeps.starts[at - 1];
    draw(screen, samples, {
      ...common, origin: before, start: before + (now - origin) + gap, stop: origin, colour: OLDER,
    });
  }
  const stop = Math.min(now, origin + length);
  draw(screen, samples, { ...common, origin, start: origin, stop, colour: TRACE });
  if (!settings.trigger && stop < origin + length) {
    const x = ((stop - origin) / length) * width;
    context.fillStyle = TRACE;
    context.fillRect(Math.round(x), 0, Math.max(1, Math.round(ratio)), height);
  }
}

/** Successive sweeps, the newest below: stacked, as a raster, or one over the other. */
export function drawSweeps(canvas, samples, sweeps, now, settings) {
  const screen = fit(canvas);
  const { height } = screen;
  graticule(screen);
  const over = settings.layout === "over";
  const rows = over ? 20 : ROWS[settings.layout];
  const scale = pixelsPerMillivolt(height, settings.gain, settings.invert)
    * (over ? 1 : DOWN / rows / ROW);
  const newest = sweepAt(sweeps, now);
  const oldest = Math.max(0, newest - rows + 1);
  for (let k = oldest; k <= newest; k++) {
    const origin = sweeps.starts[k];
    draw(screen, samples, {
      origin,
      start: origin,
      stop: Math.min(now, origin + sweeps.length),
      length: sweeps.length,
      base: over ? height / 2 : ((k - oldest + 0.5) * height) / rows,
      scale,
      colour: k === newest ? TRACE : over ? OLDEST : OLDER,
      weight: 1,
    });
  }
}

/** The whole recording, small. */
export function drawOverview(canvas, samples, invert) {
  const screen = fit(canvas);
  clear(screen);
  const { low, high } = extremes(samples, 0, samples.length);
  const span = Math.max(high, -low, 1e-9);
  draw(screen, samples, {
    origin: 0, start: 0, stop: samples.length, length: samples.length, base: screen.height / 2,
    scale: (screen.height / 2.1 / span) * (invert ? -1 : 1), colour: OLDER, weight: 1,
  });
}

/** Words in the middle of a screen. */
export function drawHint(canvas, text) {
  const { context, width, height, ratio } = fit(canvas);
  context.fillStyle = "#a3b0ae";
  context.font = `${15 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.fillText(text, width / 2, height / 2 - 12 * ratio);
}
