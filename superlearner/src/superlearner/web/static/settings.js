/**
 * The page /settings.
 *
 * @module
 */

import "./appearance.js";
