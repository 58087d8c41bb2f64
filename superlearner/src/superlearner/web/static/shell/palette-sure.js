/**
 * The second step of the palette: a command is performed after its effect was shown and the reader confirmed it.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { make, write } from "../base/dom.js";
import { complain, toast } from "../base/toast.js";
import { budgetText, unlimited } from "../base/words.js";

/** @import { Deed } from "./palette-commands.js" */

export class Sure {
  #title = make("h2", { id: "palette-sure-title", tabindex: -1 });
  #text = make("p", { id: "palette-sure-text", role: "status" });
  #cancel = make("button", { type: "button", class: "btn" }, "Cancel");
  #run = make("button", { type: "button", class: "btn", "aria-describedby": "palette-sure-text" });
  element = make("section", { class: "sure", "aria-labelledby": "palette-sure-title", hidden: true }, this.#title, this.#text,
    make("div", { class: "acts" }, this.#cancel, this.#run));
  /** @type {Deed|null} */ #deed = null;
  #under = new AbortController();
  #back;
  #close;

  /** @param {() => void} back  return to the search @param {() => void} close  close the dialog */
  constructor(back, close) {
    this.#back = back;
    this.#close = close;
    this.#cancel.onclick = () => this.#leave();
    this.#run.onclick = () => void this.#perform();
    this.element.onkeydown = (event) => {
      if (event.key === "Enter" && event.repeat) event.preventDefault(); // the key that chose the command is still held
      if (event.key === "Escape") this.escaped(event);
    };
  }

  /** Show what a command would do, as the server predicts it. @param {Deed} deed */
  ask(deed) {
    this.stop();
    this.#deed = deed;
    this.#under = new AbortController();
    write(this.#title, `${deed.title}?`);
    write(this.#run, deed.title);
    write(this.#text, "Looking up what would happen…");
    this.#run.classList.toggle("danger", deed.danger);
    this.#run.hidden = false;
    this.#run.disabled = true;
    this.#title.focus();
    void this.#predict(deed, this.#under.signal);
  }

  /** Forget the question; answers that arrive later are ignored. */
  stop() {
    this.#under.abort();
    this.#deed = null;
  }

  /** Return from the question on Escape, instead of closing the dialog. @param {Event} event */
  escaped(event) {
    if (!this.#deed) return;
    event.preventDefault();
    event.stopPropagation();
    this.#leave();
  }

  #leave() {
    this.stop();
    this.#back();
  }

  /** @param {Deed} deed @param {AbortSignal} signal */
  async #predict(deed, signal) {
    const asked = AbortSignal.any([signal, AbortSignal.timeout(3000)]);
    const [tried, predicted] = await Promise.allSettled([
      request(deed.method, `${deed.path}?dry_run=true`, deed.body, asked),
      deed.predict ? request("GET", deed.predict, undefined, asked) : null,
    ]);
    if (signal.aborted) return;
    const refused = tried.status === "rejected" && tried.reason instanceof ApiError && tried.reason.status > 0 ? tried.reason : null;
    const held = this.element.contains(document.activeElement);
    write(this.#text,
      refused
        ? `${refused.message}${/[.!?]$/.test(refused.message) ? "" : "."}`
        : effect(deed, predicted.status === "fulfilled" ? predicted.value : null));
    this.#run.hidden = refused !== null;
    this.#run.disabled = refused !== null;
    if (held) (refused ? this.#cancel : this.#run).focus();
  }

  async #perform() {
    const deed = this.#deed;
    if (!deed) return;
    this.#close();
    try {
      const { text, hint } = deed.done(await request(deed.method, deed.path, deed.body));
      toast(text, { hint });
    } catch (error) {
      complain(error, deed.title);
    }
  }
}

/**
 * Return what a command would do: the prediction, or what is known without it.
 * @param {{known: string, predict?: string}} deed
 * @param {Api.PredictionResult|null} prediction
 */
export function effect({ known, predict }, prediction) {
  if (!prediction?.steps.length) return predict ? `${known} The prediction is not available now.` : known;
  const last = prediction.steps.at(-1);
  const end = prediction.comes_back || last?.outcome === "stays_down" || last?.outcome === "gone" ? "" : " Nothing starts it again.";
  return prediction.steps.map(sentence).join(" ") + end;
}

/** @param {Api.PredictionStep} step */
function sentence({ name, supervisor, strategy, words, outcome, restarts_used, max_restarts, max_seconds }) {
  const counts = outcome === "restarts" && typeof max_restarts === "number" && !unlimited({ max: max_restarts });
  const window_s = typeof max_seconds === "number" ? max_seconds : null;
  const budget = counts ? ` (${budgetText(Math.max(0, max_restarts - restarts_used), { max: max_restarts, window_s })})` : "";
  return `${name ?? supervisor} (${strategy}): ${words}${budget}.`;
}
