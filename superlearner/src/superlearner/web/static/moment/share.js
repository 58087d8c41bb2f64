/**
 * Sharing of a moment: its link, and a file that plays it anywhere.
 *
 * @module
 */

import { copyButton } from "../base/copying.js";
import { make, root } from "../base/dom.js";
import { save } from "../base/save.js";
import { complain, toast } from "../base/toast.js";

/** A text file, as operations return it. @typedef {{filename: string, media_type: string, content: string}} TextFile */

/** Hosts that lead to the computer on which an address is opened. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Return a button that copies a link, for other machines where they can open it; it says who cannot.
 * @param {() => string} address
 * @param {string} label
 * @param {string} [look]
 */
export function linkButton(address, label, look = "btn") {
  const here = LOOPBACK.test(location.hostname), about = document.documentElement.dataset;
  const link = () => {
    const own = address(), start = `${location.origin}${root()}`;
    return here && about.sharedAt && own.startsWith(start) ? `${about.sharedAt}${own.slice(start.length)}` : own;
  };
  const button = copyButton(link, "Copy link", label, look);
  button.addEventListener("click", () => {
    const who = about.platform !== undefined ? "you and your teacher" : here && !about.sharedAt ? "this computer" : "";
    if (who) toast(`Only ${who} can open this link.`, { hint: "Others can open a saved file." });
  });
  return button;
}

/** Return a button that saves a file of the platform. @param {() => Promise<TextFile>} read @param {string} [look] */
export function saveButton(read, look = "btn") {
  const title = "One HTML file that plays this anywhere, without a network";
  const button = make("button", { type: "button", class: `${look} save`, title }, "Save", make("span", {}, " as a file"));
  saveOnClick(button, read, "Save as a file");
  return button;
}

/**
 * Let a button save a file of the platform.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<TextFile>} read
 * @param {string} about  what the button does, for an error
 */
export function saveOnClick(button, read, about) {
  button.onclick = async () => {
    button.disabled = true;
    try {
      const { filename, media_type: media, content } = await read();
      save(filename, media, content);
    } catch (error) {
      complain(error, about);
    }
    button.disabled = false;
  };
}
