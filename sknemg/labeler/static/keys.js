// The keys: everything on the page without a mouse.

/** Keys of the instrument: key, what the help says, what it does. */
export function instrumentKeys(page) {
  const { machine } = page;
  return [
    [" ", "Space", "play, pause", () => page.togglePlay()],
    ["r", "R", "replay from the beginning", () => machine.play(0)],
    [".", ".", "next sweep", () => machine.step(1)],
    [",", ",", "previous sweep", () => machine.step(-1)],
    ["ArrowRight", "→", "0.1 s forward", () => machine.seek(machine.time + 0.1)],
    ["ArrowLeft", "←", "0.1 s back", () => machine.seek(machine.time - 0.1)],
    ["ArrowUp", "↑", "larger on the screen", () => page.turn("gain", -1)],
    ["ArrowDown", "↓", "smaller on the screen", () => page.turn("gain", 1)],
    ["[", "[", "faster sweep", () => page.turn("sweep", -1)],
    ["]", "]", "slower sweep", () => page.turn("sweep", 1)],
    ["x", "X", "speed 1, ½, ¼", () => page.cycle("speed")],
    ["v", "V", "stacked, raster, superimposed", () => page.cycle("layout")],
    ["i", "I", "negative up", () => page.toggle("invert")],
    ["t", "T", "trigger on, off", () => page.toggle("trigger")],
    ["+", "+", "trigger level up", () => page.moveLevel(1)],
    ["-", "-", "trigger level down", () => page.moveLevel(-1)],
    ["s", "S", "trigger slope", () => page.cycle("slope")],
    ["d", "D", "trigger delay", () => page.cycle("delay")],
    ["h", "H", "high-pass filter", () => page.cycle("highpass")],
    ["l", "L", "low-pass filter", () => page.cycle("lowpass")],
    ["(", "(", "sound softer", () => page.moveVolume(-1)],
    [")", ")", "sound louder", () => page.moveVolume(1)],
    ["Enter", "Enter", "next question", () => page.next()],
    ["Backspace", "Backspace", "previous question", () => page.previous()],
    ["PageDown", "Page down", "next patient", () => page.otherPatient(1)],
    ["PageUp", "Page up", "previous patient", () => page.otherPatient(-1)],
    ["c", "C", "write a remark; Esc ends it", () => document.querySelector("#remark").focus()],
    ["?", "?", "this list", () => page.help()],
  ];
}

/** Give each answer a key: the first free letter of its name. */
export function keysOfAnswers(answers, taken) {
  const used = new Set(taken);
  const wished = { normal: "o", "cannot say": "u" };
  return answers.map((answer) => {
    const letters = [wished[answer], ...answer.toLowerCase().replace(/[^a-z]/g, "")];
    const key = letters.find((letter) => letter && !used.has(letter)) ?? "";
    used.add(key);
    return key;
  });
}

/** Whether a key belongs to the control that has the focus. */
function ownedByControl(event) {
  const { target, key } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("textarea")) return !(key === "Enter" && !event.shiftKey);
  if (target.matches("select, input:not([type=checkbox])")) return key !== "Enter";
  if (target.matches("input[type=checkbox]")) return key === " ";
  if (target.matches("[role=radio]")) return key === " ";
  if (target.matches("button")) return key === " " || key === "Enter";
  return false;
}

export function listen(bindings) {
  const actions = new Map(bindings.map(([key, , , action]) => [key, action]));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      document.activeElement?.blur();
      return;
    }
    if (ownedByControl(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = actions.get(key);
    if (!action || (event.repeat && !/^Arrow|^[[\].,+\-()]$/.test(key))) return;
    event.preventDefault();
    action();
  });
}
