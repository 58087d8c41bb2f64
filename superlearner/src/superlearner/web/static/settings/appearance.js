/**
 * Theme, motion and density: shows the choices and sends changes to `theme.js`, which stores and applies them.
 *
 * @module
 */

import { byId } from "../base/dom.js";

const form = byId("part-appearance", HTMLElement);
const page = document.documentElement;
const inputs = () => /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[type=radio]")]);

/** Show the current choices, also after changes in the header or in another tab. */
function show() {
  for (const input of inputs()) {
    const first = inputs().find((one) => one.name === input.name)?.value;
    input.checked = input.value === (page.dataset[input.name] ?? first);
  }
}

form.onchange = (event) => {
  const { target } = event;
  if (!(target instanceof HTMLInputElement)) return;
  document.dispatchEvent(new CustomEvent("sl-appearance", { detail: { name: target.name, choice: target.value } }));
};
new MutationObserver(show).observe(page, { attributeFilter: ["data-theme", "data-motion", "data-density"] });
show();
