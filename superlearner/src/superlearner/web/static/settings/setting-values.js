/**
 * Values of settings as text, and back. Pure.
 *
 * @module
 */

/** @typedef {Api.SettingResult} Setting */

/** The source of a value in words. @type {Record<string, string>} */
const SOURCES = { default: "default", file: "file", environment: "environment", flag: "command line", api: "set here, until a restart" };

/** @param {Setting} one */
export const sourceText = (one) => SOURCES[one.source] ?? one.source;

/** Return a value as the content of a field. @param {unknown} value */
export function toFieldText(value) {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** Return a value with its unit. @param {unknown} value @param {string|null} unit */
export function formatValue(value, unit) {
  const text = toFieldText(value);
  if (text === "") return "nothing";
  return unit === "s" ? `${text} s` : unit ? `${text} ${unit}` : text;
}

/**
 * Return the value of an input. Text that is not a number stays text, so that the server's error says what was expected.
 * @param {Setting} one
 * @param {string} text
 * @returns {unknown}
 */
export function valueOf(one, text) {
  const written = text.trim();
  if (one.type === "boolean") return written === "true";
  if (one.type === "array") return written ? written.split(",").map((part) => part.trim()).filter(Boolean) : [];
  if (written === "" && one.default === null) return null;
  if ((one.type === "integer" || one.type === "number") && written !== "" && Number.isFinite(Number(written))) return Number(written);
  return written;
}

/** Return the permitted values in words. @param {Setting} one */
export function boundsText({ bounds, type }) {
  const { minimum, maximum, exclusiveMinimum } = bounds;
  const least = minimum !== undefined ? `${minimum}` : null;
  if (least !== null && maximum !== undefined) return `${least} to ${maximum}`;
  if (least !== null) return `at least ${least}`;
  if (exclusiveMinimum !== undefined)
    return maximum !== undefined ? `more than ${exclusiveMinimum}, at most ${maximum}` : `more than ${exclusiveMinimum}`;
  if (maximum !== undefined) return `at most ${maximum}`;
  return type === "array" ? "separated by commas" : "";
}

/** Return the line of `superlearner.toml` that sets the value. @param {Setting} one @param {unknown} value */
export const tomlLine = (one, value) => `${one.name} = ${JSON.stringify(value)}`;

/**
 * Return whether a setting matches the search.
 * @param {Setting} one
 * @param {string} search
 * @param {boolean} changed  only settings that are not at their default
 */
export const fits = (one, search, changed) =>
  (!changed || one.source !== "default") && `${one.name} ${one.description}`.toLowerCase().includes(search.trim().toLowerCase());
