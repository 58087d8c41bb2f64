/**
 * Saving a table as a file, created from what the page shows.
 *
 * @module
 */

/** The start of a text that a spreadsheet would interpret as a formula. */
const DANGEROUS = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** @typedef {string|number|boolean|null|undefined|object} Cell */

/**
 * @param {readonly string[]} columns
 * @param {readonly Record<string, Cell>[]} rows
 */
export function csv(columns, rows) {
  const line = (/** @type {Cell[]} */ cells) => cells.map(cell).join(",");
  return [line([...columns]), ...rows.map((row) => line(columns.map((name) => row[name])))].join("\r\n") + "\r\n";
}

/** @param {Cell} value */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = DANGEROUS.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Let the browser save a text as a file.
 * @param {string} name
 * @param {string} media
 * @param {string} text
 */
export function save(name, media, text) {
  const url = URL.createObjectURL(new Blob([text], { type: media }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
