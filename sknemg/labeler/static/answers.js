// The answers of a reader: what was said to which question, and what is asked next.

/** Key of a question: a recording of a patient, or (position null) the patient's diagnosis. */
const keyOf = (number, position) => `${number}/${position ?? "d"}`;

export class Answers {
  constructor(patients, stored) {
    this.patients = patients;
    this.all = new Map();
    for (const { number, position, answer, confidence, remark, seconds } of stored) {
      this.all.set(keyOf(number, position), { answer, confidence, remark, seconds });
    }
  }

  /** What is known of a question; made where nothing is. */
  of(number, position) {
    const key = keyOf(number, position);
    if (!this.all.has(key)) {
      this.all.set(key, { answer: null, confidence: null, remark: "", seconds: 0 });
    }
    return this.all.get(key);
  }

  has(number, position) {
    return Boolean(this.all.get(keyOf(number, position))?.answer);
  }

  /** Positions of a patient's recordings. */
  positions(number) {
    const patient = this.patients.find((one) => one.number === number);
    return Array.from({ length: patient.n_recordings }, (_, position) => position);
  }

  annotated(number) {
    return this.positions(number).filter((position) => this.has(number, position)).length;
  }

  complete(number) {
    return this.annotated(number) === this.positions(number).length;
  }

  get diagnosed() {
    return this.patients.filter(({ number }) => this.has(number, null)).length;
  }

  /** The question after this one that has no answer: here, then with the next patients. */
  after(number, position) {
    const here = this.positions(number);
    const from = position === null ? 0 : position + 1;
    for (const one of [...here.slice(from), ...here.slice(0, from)]) {
      if (!this.has(number, one)) return { number, position: one };
    }
    if (!this.has(number, null)) return { number, position: null };
    const at = this.patients.findIndex((one) => one.number === number);
    const others = [...this.patients.slice(at + 1), ...this.patients.slice(0, at)];
    const next = others.find((one) => !this.has(one.number, null));
    return next ? this.first(next.number) : null;
  }

  /** The first question of a patient without an answer. */
  first(number) {
    const open = this.positions(number).find((position) => !this.has(number, position));
    if (open !== undefined) return { number, position: open };
    return { number, position: this.has(number, null) ? 0 : null };
  }

  /** Seconds spent with a patient: the recordings and the diagnosis. */
  secondsWith(number) {
    return [...this.positions(number), null].reduce(
      (sum, position) => sum + (this.all.get(keyOf(number, position))?.seconds ?? 0), 0);
  }
}
