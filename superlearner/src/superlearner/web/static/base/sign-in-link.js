/**
 * The way to another credential, and back to what is shown.
 *
 * @module
 */

import { make, root } from "./dom.js";

/** A link to the sign-in page, which leads back here. @param {string} text */
export const signInLink = (text) => make("a", { href: `${root()}/sign-in?next=${encodeURIComponent(location.pathname.slice(root().length) + location.search)}` }, text);
