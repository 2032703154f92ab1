// Requests to the server, and the votes that wait for its word that they are stored.

export class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

let mark = ""; // proves that a request is of this page

export function setMark(text) {
  mark = text;
}

async function ask(method, path, body, marked = true) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  if (marked) headers["x-csrf"] = mark;
  const response = await fetch(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin", redirect: "error",
  });
  if (!response.ok) {
    let reason = `The server answers ${response.status}.`;
    try {
      reason = (await response.json()).error;
    } catch {
      // an answer of something in between
    }
    throw new Refused(response.status, reason);
  }
  return response;
}

/** The study of whoever's session this is; all else is asked for by its mark. */
export const getStudy = async () => (await ask("GET", "/api/study", undefined, false)).json();
export const get = async (path) => (await ask("GET", path)).json();
export const getSamples = async (path) => (await ask("GET", path)).arrayBuffer();
export const post = async (path, body) => (await ask("POST", path, body)).json();

/** Sends votes one after the other, each until the server says that it is stored. */
export class Outbox {
  constructor({ onStored, onWaiting, onRefused, renew }) {
    this.waiting = [];
    this.sending = false;
    Object.assign(this, { onStored, onWaiting, onRefused, renew });
  }

  add(vote) {
    this.waiting.push({ ...vote, uuid: uuid() });
    this.onWaiting(0);
    this.send();
  }

  /** Wait until nothing waits. */
  async empty() {
    while (this.waiting.length) await new Promise((done) => setTimeout(done, 50));
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    for (let tries = 0; this.waiting.length; ) {
      try {
        const { stored } = await post("/api/votes", this.waiting[0]);
        this.waiting.shift();
        tries = 0;
        this.onStored(stored, this.waiting.length);
      } catch (error) {
        const { status } = error; // none where nobody answered
        const ended = status === 401 || status === 403; // the session, not the study
        if (status < 500 && ![401, 403, 408, 429].includes(status)) {
          const [vote] = this.waiting.splice(0, 1);
          this.onRefused(error, vote);
        } else {
          tries += 1;
          this.onWaiting(tries, ended ? error.message : "");
          if (ended) await this.renew().catch(() => {});
          await new Promise((done) => setTimeout(done, Math.min(500 * 2 ** tries, 10_000)));
        }
      }
    }
    this.sending = false;
  }
}

function uuid() {
  // crypto.randomUUID is there on secure pages only, and loopback by its address is one.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
