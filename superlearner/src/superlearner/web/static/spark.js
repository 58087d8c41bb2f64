/**
 * `<sl-spark>`: a line as small as a word, for rows and heads: `spark.show(values, "12 restarts in a minute")`.
 * Unknown values (null) are gaps. The words say what the line says.
 *
 * @module
 */

import { attribute, make } from "./dom.js";
import { colour, onTheme } from "./paint.js";

export class SlSpark extends HTMLElement {
  #canvas = make("canvas", { "aria-hidden": "true" });
  /** @type {(number|null)[]} */ #values = [];
  #token = "accent";
  #dirty = false;
  /** @type {(() => void)|null} */ #unpainted = null;

  connectedCallback() {
    if (!this.#canvas.isConnected) this.append(this.#canvas);
    attribute(this, "role", "img");
    this.#unpainted = onTheme(() => this.#change());
    this.#change();
  }

  disconnectedCallback() {
    this.#unpainted?.();
  }

  /**
   * @param {(number|null)[]} values  oldest first, evenly
   * @param {string} words
   * @param {string} [token]  a colour
   */
  show(values, words, token = "accent") {
    attribute(this, "aria-label", words);
    this.#values = values;
    this.#token = token;
    this.#change();
  }

  #change() {
    if (this.#dirty) return;
    this.#dirty = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#dirty = false;
    const width = this.clientWidth;
    const height = this.clientHeight;
    const pen = this.#canvas.getContext("2d");
    if (!pen || !width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    pen.scale(ratio, ratio);
    const most = Math.max(1e-9, ...this.#values.map((value) => value ?? 0));
    const step = (width - 2) / Math.max(1, this.#values.length - 1);
    pen.strokeStyle = colour(this.#token);
    pen.lineWidth = 1.25;
    pen.lineJoin = "round";
    pen.beginPath();
    let drawing = false;
    this.#values.forEach((value, place) => {
      if (value === null) drawing = false;
      else {
        const y = height - 1.5 - (value / most) * (height - 3);
        if (drawing) pen.lineTo(1 + place * step, y);
        else pen.moveTo(1 + place * step, y);
        drawing = true;
      }
    });
    pen.stroke();
  }
}

customElements.define("sl-spark", SlSpark);
