// The page: patients, recordings, the machine and the answers.

import { Answers } from "./answers.js";
import { DOWN, ROW } from "./display.js";
import { instrumentKeys, keysOfAnswers, listen } from "./keys.js";
import { Machine, SWEEPS } from "./machine.js";
import { decode } from "./signal.js";
import { get, getSamples, getStudy, Outbox, post, setMark } from "./server.js";

const $ = (selector) => document.querySelector(selector);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Write a gain as a machine does. */
const gainText = (gain) => (gain < 1000 ? `${gain} µV` : `${gain / 1000} mV`);

/** Say which way negative voltages are drawn. */
const polarity = ({ invert }) => (invert ? "negative up" : "positive up");

/** Write a probability in whole percent, none of them certain. */
const percent = (share) => {
  const whole = Math.round(100 * share);
  if (whole >= 100) return ">99 %";
  return whole <= 0 ? "<1 %" : `${whole} %`;
};

function element(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(name, value);
  }
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

class Page {
  constructor(study) {
    this.study = study;
    this.answers = new Answers(study.patients, study.answers);
    this.machine = new Machine({
      trace: $("#trace"), sweeps: $("#sweeps"), overview: $("#overview"),
      onChange: () => this.showTime(),
    });
    $("#trace").machine = this.machine;
    this.signals = new Map(); // of the patient, by position
    this.outbox = new Outbox({
      onStored: (when, left) => this.showStored(when, left),
      onWaiting: (tries, reason) => this.showWaiting(tries, reason),
      onRefused: (error) => this.showRefused(error),
      renew: () => this.renew(),
    });
    this.build();
  }

  // -- building -------------------------------------------------------------------------------

  build() {
    const { study } = this;
    setMark(study.csrf);
    const instrument = instrumentKeys(this);
    this.choices = [...study.classes, study.cannot_say];
    const keys = keysOfAnswers(this.choices, instrument.map(([key]) => key));
    this.choices.forEach((choice, at) => {
      const button = element(
        "button", { type: "button", role: "radio", class: `class-${at}`, "data-answer": choice },
        `${choice[0].toUpperCase()}${choice.slice(1)} `, element("kbd", { text: keys[at].toUpperCase() }));
      if (keys[at]) button.setAttribute("aria-keyshortcuts", keys[at]);
      button.addEventListener("click", () => this.choose(choice));
      $("#classes").append(button);
    });
    for (const level of [1, 2, 3, 4, 5]) {
      const about = { 1: "1, unsure", 5: "5, sure" }[level] ?? String(level);
      const button = element("button", {
        type: "button", role: "radio", text: level, "aria-label": about, title: about,
        "data-confidence": level, "aria-keyshortcuts": level,
      });
      button.addEventListener("click", () => this.sure(level));
      $("#confidence").append(button);
    }
    const bindings = [
      ...this.choices.map((choice, at) => [keys[at], keys[at].toUpperCase(), choice, () => this.choose(choice)]),
      ...[1, 2, 3, 4, 5].map((level) => [String(level), String(level), level === 1 ? "confidence: unsure" : level === 5 ? "confidence: sure" : "confidence", () => this.sure(level)]),
      ...instrument,
    ];
    for (const [, name, about] of bindings) {
      $("#keys").append(element("div", {}, element("dt", {}, element("kbd", { text: name })), element("dd", { text: about })));
    }
    listen(bindings);
    for (const group of document.querySelectorAll("[role=radiogroup]")) roving(group);
    this.buildInstrument();
    this.buildPatients();
    $("#reader").textContent = study.reader;
    $("#answer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.next();
    });
    $("#remark").addEventListener("change", () => this.remark());
    $("#help-open").addEventListener("click", () => this.help());
    $("#help-close").addEventListener("click", () => $("#help").close());
    $("#leave").addEventListener("click", () => this.leave());
    $("#part-open").addEventListener("click", () => this.openPart());
    // After a click, keys go to the page again: the space bar plays, whatever was clicked last.
    document.addEventListener("click", (event) => {
      if (event.detail > 0 && event.target.closest("button")) document.activeElement?.blur();
    });
    addEventListener("beforeunload", (event) => {
      if (this.outbox.waiting.length) event.preventDefault();
    });
    this.ticking = performance.now();
    setInterval(() => this.tick(), 250);
    document.addEventListener("visibilitychange", () => this.tick());
  }

  buildInstrument() {
    const { machine, study } = this;
    const fill = (select, values, text) => values.forEach((value) => select.append(element("option", { value, text: text(value) })));
    fill($("#gain"), study.gains, gainText);
    fill($("#sweep"), SWEEPS, (value) => `${value} ms`);
    const middle = study.gains.includes(200) ? 200 : study.gains[study.gains.length >> 1];
    machine.settings.gain = middle;
    $("#gain").value = String(middle);
    $("#sweep").value = "10";
    for (const name of ["gain", "sweep", "speed", "layout", "slope", "delay", "highpass", "lowpass", "level", "volume"]) {
      const control = $(`#${name}`);
      control.value = String(machine.settings[name]);
      control.addEventListener(name === "volume" ? "input" : "change", () => {
        const value = name === "layout" ? control.value : Number(control.value);
        if (name !== "layout" && !Number.isFinite(value)) return;
        this.set(name, value);
      });
      control.addEventListener("pointerup", () => { this.pointed = control; });
      control.addEventListener("change", () => {
        if (this.pointed === control) control.blur();
        this.pointed = null;
      });
    }
    for (const name of ["invert", "trigger"]) {
      $(`#${name}`).addEventListener("change", (event) => this.set(name, event.target.checked));
      $(`#${name}`).addEventListener("pointerup", (event) => setTimeout(() => event.target.blur()));
    }
    $("#gain-less").addEventListener("click", () => this.turn("gain", -1));
    $("#gain-more").addEventListener("click", () => this.turn("gain", 1));
    $("#sweep-less").addEventListener("click", () => this.turn("sweep", -1));
    $("#sweep-more").addEventListener("click", () => this.turn("sweep", 1));
    $("#play").addEventListener("click", () => this.togglePlay());
    $("#replay").addEventListener("click", () => machine.play(0));
    $("#single").addEventListener("click", () => machine.step(1));
    $("#single-back").addEventListener("click", () => machine.step(-1));
    $("#seek").addEventListener("input", (event) => machine.seek(Number(event.target.value) * machine.seconds));
    const dragLevel = (event) => {
      if (!machine.settings.trigger || !(event.buttons & 1)) return;
      const box = event.target.getBoundingClientRect();
      const divisions = (0.5 - (event.clientY - box.top) / box.height) * DOWN;
      const step = machine.settings.gain / 10;
      this.setLevel(Math.round((divisions * machine.settings.gain) / step) * step);
    };
    $("#trace").addEventListener("pointerdown", dragLevel);
    $("#trace").addEventListener("pointermove", dragLevel);
    this.showSettings();
  }

  buildPatients() {
    const list = $("#patients");
    list.replaceChildren();
    this.study.patients.forEach(({ number }) => {
      const button = element("button", { type: "button", "data-number": number },
        element("span", { text: `Patient ${number + 1}` }), element("span", { class: "state" }));
      button.addEventListener("click", () => {
        this.closeList();
        this.open(this.answers.first(number), true);
      });
      list.append(element("li", {}, button));
    });
    $("#patients-toggle").addEventListener("click", () => {
      const open = list.classList.toggle("open");
      $("#patients-toggle").setAttribute("aria-expanded", open);
    });
  }

  closeList() {
    $("#patients").classList.remove("open");
    $("#patients-toggle").setAttribute("aria-expanded", false);
  }

  // -- the machine ----------------------------------------------------------------------------

  set(name, value) {
    this.machine.set(name, value);
    this.showSettings();
  }

  turn(name, by) {
    const values = name === "gain" ? this.study.gains : SWEEPS;
    const at = values.indexOf(this.machine.settings[name]) + by;
    if (at >= 0 && at < values.length) this.set(name, values[at]);
  }

  cycle(name) {
    const control = $(`#${name}`);
    control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
    control.dispatchEvent(new Event("change"));
  }

  toggle(name) {
    this.set(name, !this.machine.settings[name]);
  }

  setLevel(value) {
    this.set("level", value);
  }

  moveLevel(by) {
    if (!this.machine.settings.trigger) this.toggle("trigger");
    this.setLevel(this.machine.settings.level + (by * this.machine.settings.gain) / 5);
  }

  moveVolume(by) {
    this.set("volume", Math.min(30, Math.max(-30, this.machine.settings.volume + 3 * by)));
  }

  togglePlay() {
    if (this.machine.playing) this.machine.pause();
    else this.machine.play();
  }

  showSettings() {
    const { settings } = this.machine;
    for (const name of ["gain", "sweep", "speed", "layout", "slope", "delay", "highpass", "lowpass", "level", "volume"]) {
      $(`#${name}`).value = String(settings[name]);
    }
    for (const name of ["invert", "trigger"]) $(`#${name}`).checked = settings[name];
    const { gains } = this.study;
    $("#gain-less").disabled = settings.gain === gains[0];
    $("#gain-more").disabled = settings.gain === gains.at(-1);
    $("#sweep-less").disabled = settings.sweep === SWEEPS[0];
    $("#sweep-more").disabled = settings.sweep === SWEEPS.at(-1);
    $("#trace-text").textContent = `${gainText(settings.gain)}/div · ${settings.sweep} ms/div · ${polarity(settings)}`;
    const rows = { stack: "stacked", raster: "raster", over: "superimposed" }[settings.layout];
    $("#sweeps-name").textContent = settings.trigger ? "Triggered sweeps" : "Successive sweeps";
    $("#sweeps-text").textContent = `${rows} · ${settings.layout === "over" ? `${gainText(settings.gain)}/div` : `${gainText(ROW * settings.gain)} a row`}`;
    $("#trace").style.touchAction = settings.trigger ? "none" : "";
  }

  showTime() {
    const { machine } = this;
    const { seconds, time } = machine;
    $("#seek").value = seconds ? time / seconds : 0;
    $("#time-text").textContent = `${time.toFixed(2)} / ${seconds.toFixed(2)} s`;
    $("#clip").classList.toggle("on", machine.overdriven);
    if ($("#play").textContent !== (machine.playing ? "Pause" : "Play")) {
      $("#play").textContent = machine.playing ? "Pause" : "Play";
    }
    if (!machine.playing && machine.sweeps) {
      const { settings } = machine;
      const scale = `${gainText(settings.gain)} and ${settings.sweep} ms a division, ${polarity(settings)}`;
      $("#trace").setAttribute("aria-label", `Running trace, ${scale}; ${machine.words()}`);
      $("#sweeps").setAttribute("aria-label", `${$("#sweeps-name").textContent}, ${$("#sweeps-text").textContent}`);
      $("#seek").setAttribute("aria-valuetext", `${time.toFixed(2)} of ${seconds.toFixed(2)} seconds`);
    }
  }

  // -- questions ------------------------------------------------------------------------------

  /** Open a question; play its recording if the reader asked for it. */
  async open(question, play = false) {
    this.remark();
    this.tick();
    const turn = {};
    this.turnOfOpening = turn;
    const changed = question.number !== this.number;
    this.number = question.number;
    this.position = question.position;
    if (changed) {
      this.signals.clear();
      this.patient = null;
      this.loaded = undefined;
      this.machine.clear();
    }
    this.showQuestion();
    try {
      if (!this.patient) {
        const patient = await this.read(get, `/api/patients/${this.number}`);
        if (turn !== this.turnOfOpening) return;
        this.patient = patient;
        this.showPatient();
      }
      const position = this.position ?? this.loaded ?? 0;
      if (position !== this.loaded) {
        this.loaded = undefined;
        this.machine.clear();
        const samples = await this.samples(position);
        if (turn !== this.turnOfOpening) return;
        this.loaded = position; // what the machine holds, not what is on its way
        $("#trace-name").textContent = `Running trace, recording ${position + 1}`;
        this.machine.load(samples, this.patient.recordings[position].sfreq);
        if (!this.refused && !this.outbox.waiting.length) alarm("");
        if (play && !calm.matches) this.machine.play(0);
      }
      this.showQuestion();
      const next = this.position === null ? undefined : this.position + 1;
      if (next < this.patient.recordings.length) this.samples(next).catch(() => {}); // ahead
    } catch (error) {
      if (turn === this.turnOfOpening) {
        this.loaded = undefined;
        alarm(`The recording did not arrive: ${error.message}`);
      }
    }
  }

  samples(position) {
    if (!this.signals.has(position)) {
      const { scale } = this.patient.recordings[position];
      const coming = this.read(getSamples, `/api/patients/${this.number}/recordings/${position}`)
        .then((buffer) => decode(buffer, scale));
      coming.catch(() => this.signals.delete(position));
      this.signals.set(position, coming);
    }
    return this.signals.get(position);
  }

  get current() {
    return this.answers.of(this.number, this.position);
  }

  choose(answer) {
    if (this.locked) return;
    if (this.loaded === undefined) {
      say("Wait for the recording.");
      return;
    }
    this.current.answer = answer;
    this.store();
  }

  sure(level) {
    if (this.locked) return;
    this.current.confidence = level;
    if (this.current.answer) this.store();
    else this.showQuestion();
  }

  remark() {
    if (this.number === undefined || this.locked) return;
    const text = $("#remark").value;
    if (text === this.current.remark) return;
    this.current.remark = text;
    if (this.current.answer) this.store();
  }

  /** A diagnosis is asked for when all recordings have an answer. */
  get locked() {
    return this.position === null && !this.answers.complete(this.number);
  }

  store() {
    this.tick();
    const { answer, confidence, remark, seconds } = this.current;
    const { settings, plays, sound } = this.machine;
    this.outbox.add({
      patient: this.number, position: this.position, answer, confidence, remark,
      seconds: this.position === null ? this.answers.secondsWith(this.number) : seconds,
      display: { ...settings, plays, audible: sound.audible },
    });
    this.showQuestion();
    this.showProgress();
  }

  next() {
    this.remark();
    if (!this.current.answer) {
      say("Choose an answer first.");
      $("#classes [role=radio]").focus();
      return;
    }
    const question = this.answers.after(this.number, this.position);
    if (question) this.open(question, true);
    else this.finish();
  }

  previous() {
    const last = this.answers.positions(this.number).length - 1;
    const position = this.position === null ? last : this.position - 1;
    if (position >= 0) this.open({ number: this.number, position }, true);
  }

  otherPatient(by) {
    const numbers = this.study.patients.map(({ number }) => number);
    const number = numbers[numbers.indexOf(this.number) + by];
    if (number !== undefined) this.open(this.answers.first(number), true);
  }

  /** Add the time on screen to the question. */
  tick() {
    const now = performance.now();
    const passed = (now - this.ticking) / 1000;
    this.ticking = now;
    const seen = document.visibilityState === "visible" && this.number !== undefined;
    if (seen && passed < 5) this.current.seconds += passed; // a sleeping computer does not read
  }

  // -- showing --------------------------------------------------------------------------------

  showPatient() {
    const words = Object.entries(this.patient.about).map(([name, value]) => `${name} ${value}`);
    $("#patient-about").textContent = words.join(" · ");
    const { model } = this.patient;
    $("#model").hidden = !model;
    $("#model ul").replaceChildren(...Object.entries(model ?? {}).map(
      ([name, share]) => element("li", { text: `${name} ${percent(share)}` })));
  }

  showQuestion() {
    const { number, position } = this;
    const positions = this.answers.positions(number);
    $("#patient-name").textContent = `Patient ${number + 1}`;
    const about = this.patient?.recordings[position ?? 0]?.about ?? {};
    const where = Object.values(about).join(", ");
    const buttons = positions.map((at) => {
      const answer = this.answers.has(number, at) ? this.answers.of(number, at).answer : null;
      const button = element("button", {
        type: "button", "aria-pressed": at === position,
        "aria-label": `Recording ${at + 1}${answer ? `, ${answer}` : ", no answer"}`,
      }, String(at + 1));
      if (answer) button.append(this.chip(answer));
      button.addEventListener("click", () => this.open({ number, position: at }, true));
      return button;
    });
    const complete = this.answers.complete(number);
    const diagnosis = element("button", { type: "button", "aria-pressed": position === null }, "Diagnosis");
    if (this.answers.has(number, null)) diagnosis.append(this.chip(this.answers.of(number, null).answer));
    diagnosis.disabled = !complete;
    diagnosis.addEventListener("click", () => this.open({ number, position: null }));
    $("#recordings").replaceChildren(...buttons, diagnosis);

    const { answer, confidence, remark } = this.current;
    $("#question").textContent = position === null ? "Diagnosis of the patient" : `Recording ${position + 1} of ${positions.length}${where ? `, ${where}` : ""}`;
    $("#answer").classList.toggle("diagnosis", position === null);
    for (const button of document.querySelectorAll("#classes [role=radio]")) {
      button.setAttribute("aria-checked", button.dataset.answer === answer);
    }
    for (const button of document.querySelectorAll("#confidence [role=radio]")) {
      button.setAttribute("aria-checked", Number(button.dataset.confidence) === confidence);
    }
    for (const group of document.querySelectorAll("[role=radiogroup]")) settle(group);
    if (document.activeElement !== $("#remark") || $("#remark").dataset.of !== `${number}/${position}`) {
      $("#remark").value = remark;
    }
    $("#remark").dataset.of = `${number}/${position}`;
    this.showProgress();
  }

  chip(answer) {
    const at = this.choices.indexOf(answer);
    const letters = answer === this.study.cannot_say ? "?" : answer.slice(0, 2).toUpperCase();
    const short = { myopathy: "M", neuropathy: "N", normal: "NL" }[answer] ?? letters;
    return element("span", { class: `chip class-${at}`, text: short });
  }

  showProgress() {
    const { patients, part, n_parts: parts, opens } = this.study;
    const done = this.answers.diagnosed;
    $("#progress").setAttribute("aria-valuemax", patients.length);
    $("#progress").setAttribute("aria-valuenow", done);
    $("#progress span").style.width = `${(100 * done) / patients.length}%`;
    $("#progress-text").textContent = `${done} of ${patients.length} patients${parts > 1 ? `, part ${part + 1} of ${parts}` : ""}`;
    $("#patients-toggle").textContent = `Patient ${this.number + 1} · choose another`;
    for (const button of $("#patients").querySelectorAll("button")) {
      const number = Number(button.dataset.number);
      const diagnosed = this.answers.has(number, null);
      const some = this.answers.annotated(number);
      button.parentElement.classList.toggle("done", diagnosed);
      const state = button.querySelector(".state");
      const text = diagnosed ? "✓" : some ? `${some}/${this.answers.positions(number).length}` : "";
      if (state.textContent !== text) state.textContent = text;
      button.setAttribute("aria-label", `Patient ${number + 1}, ${diagnosed ? "diagnosed" : `${some} of ${this.answers.positions(number).length} recordings annotated`}`);
      if (number === this.number) {
        if (!button.hasAttribute("aria-current")) intoView(button);
        button.setAttribute("aria-current", "true");
      } else {
        button.removeAttribute("aria-current");
      }
    }
    const all = done === patients.length;
    $("#part-open").hidden = !(all && opens !== null);
    $("#part-text").hidden = !all;
    $("#part-text").textContent = opens === null
      ? "All patients are diagnosed. Answers can be changed until the study ends."
      : "This part is done. In the next part, its answers can no longer be changed.";
  }

  showStored(when, left) {
    if (left) return;
    $("#saved").classList.remove("waiting");
    say(`Stored ${new Date(when).toLocaleTimeString()}`);
    if (!this.refused) alarm("");
  }

  showWaiting(tries, reason) {
    $("#saved").classList.add("waiting");
    $("#saved").textContent = "Storing …";
    if (tries === 0) return;
    const why = reason ? "open your link in another tab" : "the server does not answer";
    alarm(`Not stored yet: ${why}. This page tries again; leave it open.`);
  }

  showRefused(error) {
    this.refused = true;
    $("#saved").classList.remove("waiting");
    say("Not stored");
    alarm(`An answer was not stored: ${error.message} Reload the page to see what is stored.`);
  }

  /** Go on in a session that was begun in another tab, if it is of the same reader. */
  async renew() {
    const { reader, csrf } = await getStudy();
    if (reader !== this.study.reader) {
      throw new Error("another reader's link was opened in this browser. Open yours in another tab.");
    }
    setMark(csrf);
  }

  /** Read what is this reader's: after another session has begun, of the same reader alone. */
  async read(how, path) {
    try {
      return await how(path);
    } catch (error) {
      if (error.status !== 403) throw error;
      await this.renew();
      return how(path);
    }
  }

  async finish() {
    await this.outbox.empty();
    say("All patients of this part are diagnosed.");
    $("#patients").classList.add("open");
    if (!$("#part-open").hidden) $("#part-open").focus();
  }

  async openPart() {
    await this.outbox.empty();
    try {
      await post("/api/part", { part: this.study.part + 1 });
      location.reload();
    } catch (error) {
      const { opens } = await getStudy();
      const wait = opens && new Date(opens) > new Date();
      alarm(wait ? `The next part opens ${new Date(opens).toLocaleString()}.` : error.message);
    }
  }

  async leave() {
    this.remark();
    await this.outbox.empty();
    await post("/api/leave", {});
    location.reload();
  }

  help() {
    $("#help").showModal();
  }
}

/** Scroll the list of patients, and nothing else, until one of them is seen. */
function intoView(button) {
  const list = button.closest("nav");
  const [own, shown] = [button.getBoundingClientRect(), list.getBoundingClientRect()];
  if (own.top < shown.top || own.bottom > shown.bottom) list.scrollTop += own.top - shown.top - shown.height / 2;
}

/** Arrow keys move within a group of radio buttons; Tab leaves it. */
function roving(group) {
  group.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const buttons = [...group.querySelectorAll("[role=radio]")];
    const at = buttons.indexOf(document.activeElement);
    if (!by || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    buttons[(at + by + buttons.length) % buttons.length].focus();
  });
}

function settle(group) {
  const buttons = [...group.querySelectorAll("[role=radio]")];
  const chosen = buttons.find((button) => button.getAttribute("aria-checked") === "true") ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
}

function say(text) {
  $("#saved").textContent = text;
}

function alarm(text) {
  $("#alarm").hidden = !text;
  if ($("#alarm").textContent !== text) $("#alarm").textContent = text;
}

function gate(title, text) {
  $("#gate").hidden = false;
  $("#study").hidden = true;
  if (title) $("#gate-title").textContent = title;
  if (text) $("#gate-text").textContent = text;
}

async function begin() {
  const token = location.hash.slice(1);
  if (token) {
    history.replaceState(null, "", "/"); // out of the address bar and the history
    try {
      await post("/api/session", { token });
    } catch (error) {
      gate("The link does not open", error.message);
      return;
    }
  }
  let study;
  try {
    study = await getStudy();
  } catch (error) {
    if (error.status === 401) gate();
    else gate("The study does not open", error.message);
    return;
  }
  $("#study").hidden = false;
  const page = new Page(study);
  const { patients } = study;
  const open = patients.find(({ number }) => !page.answers.has(number, null)) ?? patients[0];
  await page.open(page.answers.first(open.number));
}

addEventListener("hashchange", () => location.reload()); // another link in the same tab
begin();
