/**
 * `<sl-recordings>`: the list of recordings: record, stop, replay, download, upload, delete.
 *
 * @module
 */

import { ApiError, platform, request } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { chosen, closest, make, renew, root, write } from "../base/dom.js";
import { complain, toast } from "../base/toast.js";
import { counted, number, size, time } from "../base/words.js";


/** Larger files are refused unread. */
const MOST_BYTES = 64e6;

/** Return the URL that plays a recording. @param {string} name */
export function replayAddress(name) {
  const query = new URLSearchParams({ view: "replay", recording: name, ...(chosen() ? { node: chosen() } : {}) });
  return `${root()}/timeline?${query}`;
}

/** Return a name with the current time. @param {string} [prefix] */
export function freshName(prefix = "run") {
  return `${prefix}-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}`;
}

export class SlRecordings extends HTMLElement {
  #list = make("ul", { class: "lines" });
  #none = make("p", { class: "hint", hidden: true }, "None yet. A recording keeps everything a node does, and ", make("b", {}, "Replay"),
    " plays it: forwards, backwards, as slowly as you like.");
  #record = make("button", { type: "button", class: "btn" }, "Record now");
  #take = make("button", { type: "button", class: "btn quiet" }, "Open a file…");
  #file = /** @type {HTMLInputElement} */ (make("input", {
    type: "file", accept: ".gz,.jsonl.gz,application/gzip", hidden: true, "aria-label": "Recording file",
  }));
  /** @type {Api.RecordingLine[]} */ #known = [];
  #asked = 0;

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.append(make("div", { class: "head" }, make("h2", {}, "Recordings"), this.#record, this.#take, this.#file), this.#none, this.#list);
    this.#record.onclick = () => void this.record();
    this.#take.onclick = () => this.#file.click();
    this.#file.onchange = () => {
      const [file] = this.#file.files ?? [];
      this.#file.value = "";
      if (file) void this.load(file);
    };
    this.#list.onclick = (event) => {
      const { act, name } = closest(event.target, "button")?.dataset ?? {};
      const one = this.#known.find((recording) => recording.name === name);
      if (one && act === "stop") void this.#stop(one);
      if (one && act === "save") void this.save(one);
      if (one && act === "delete") void this.#delete(one);
    };
    void this.refresh();
  }

  /** Load the list. */
  async refresh() {
    const ask = ++this.#asked;
    try {
      const known = await platform("GET", "/recordings?per_page=100");
      if (ask !== this.#asked) return;
      this.#known = known;
      this.#show();
    } catch (error) {
      this.#none.hidden = false;
      write(this.#none, error instanceof ApiError ? error.words : "They cannot be read now.");
    }
  }

  #show() {
    this.#none.hidden = this.#known.length > 0;
    renew(this.#list, this.#known.map((one) => {
      const facts = [
        one.recording ? "recording" : time(one.at), one.events === null ? "" : counted(one.events, "event"),
        one.size && !one.recording ? size(one.size) : "", one.dropped ? `${number(one.dropped)} over the rate` : "", one.error ?? "",
      ];
      const act = (/** @type {string} */ name, /** @type {string} */ words) => make("button", {
        type: "button", class: "btn quiet", "data-act": name, "data-name": one.name, "aria-label": `${words} ${one.name}`,
      },
        words);
      return make("li", { "data-state": one.recording ? "running" : "stopped" },
        make("a", { href: replayAddress(one.name), class: "name" }, one.name),
        make("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
        make("span", { class: "acts" },
          one.recording ? act("stop", "Stop") : act("save", "Download"),
          one.recording ? null : act("delete", "Delete")));
    }));
  }

  /** @param {string} [name] */
  async record(name = freshName()) {
    try {
      await request("POST", "/recordings", { name, states: true });
      toast(`${name} is being recorded.`, { hint: "Stop it when you have seen what you wanted." });
    } catch (error) {
      complain(error, "Record");
    }
    await this.refresh();
  }

  /** @param {Api.RecordingLine} one */
  async #stop(one) {
    try {
      await platform("POST", `/recordings/${encodeURIComponent(one.name)}/stop`);
    } catch (error) {
      complain(error, `Stop ${one.name}`);
    }
    await this.refresh();
  }

  /** @param {Api.RecordingLine} one */
  async #delete(one) {
    if (!(await confirm(`Delete ${one.name}?`, "Its file is deleted too. Download it first if it may be needed.", "Delete"))) return;
    try {
      await platform("DELETE", `/recordings/${encodeURIComponent(one.name)}`);
    } catch (error) {
      complain(error, `Delete ${one.name}`);
    }
    await this.refresh();
  }

  /** Download the file, part by part. @param {{name: string}} one */
  async save({ name }) {
    try {
      /** @type {Uint8Array<ArrayBuffer>[]} */ const parts = [];
      let filename = `${name}.jsonl.gz`;
      for (let offset = /** @type {number|null} */ (0); offset !== null;) {
        const part = await platform("GET", `/recordings/${encodeURIComponent(name)}/file?offset=${offset}`);
        parts.push(Uint8Array.from(atob(part.content), (letter) => letter.charCodeAt(0)));
        filename = part.filename;
        offset = part.next_offset;
      }
      const address = URL.createObjectURL(new Blob(parts, { type: "application/gzip" }));
      const link = make("a", { href: address, download: filename });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      complain(error, `Download ${name}`);
    }
  }

  /** Upload a file; return its name here, or null. @param {File} file @returns {Promise<string|null>} */
  async load(file) {
    const name = file.name.replace(/\.jsonl?(\.gz)?$|\.gz$/i, "")
      .replace(/[^A-Za-z0-9_.-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 50)
      || freshName("file");
    if (file.size > MOST_BYTES) {
      toast(`${file.name} is too large: ${size(file.size)}.`,
        { hint: `At most ${size(MOST_BYTES)} are taken in. Record fewer events, or without messages.`, level: "bad" });
      return null;
    }
    try {
      const content = await base64(file);
      const known = this.#known.some((one) => one.name === name) ? `${name}-${Date.now().toString(36)}` : name;
      const made = await this.#send(known, content);
      if (made === null) return null;
      toast(`${made.name} is here: ${counted(made.events ?? 0, "event")}.`, { hint: "Its name leads to the replay." });
      await this.refresh();
      return made.name;
    } catch (error) {
      const what = error instanceof ApiError && error.status === 413
        ? new ApiError("too_large", "the file is larger than the server takes.", "Raise the setting max_body, or record fewer events.", 413)
        : error;
      complain(what, `Open ${file.name}`);
      return null;
    }
  }

  /** @param {string} name @param {string} content @returns {Promise<Api.RecordingLine|null>} */
  async #send(name, content) {
    try {
      return await platform("POST", "/recordings/file", { name, content });
    } catch (error) {
      if (!(error instanceof ApiError) || !error.message.includes("damaged")) throw error;
      if (!(await confirm("Open what can be read?", `${error.message.replace(/^content: /, "")}.`, "Open it"))) return null;
      return await platform("POST", "/recordings/file", { name, content, damaged: true });
    }
  }
}

/** @param {File} file @returns {Promise<string>} */
function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:[^,]*,/, ""));
    reader.onerror = () => reject(new Error("The file cannot be read."));
    reader.readAsDataURL(file);
  });
}

customElements.define("sl-recordings", SlRecordings);
