/**
 * A link to the sign-in page that returns to the current page.
 *
 * @module
 */

import { make, root } from "./dom.js";

/** Return a link to the sign-in page that leads back here. @param {string} text */
export const signInLink = (text) =>
  make("a", { href: `${root()}/sign-in?next=${encodeURIComponent(location.pathname.slice(root().length) + location.search)}` }, text);
