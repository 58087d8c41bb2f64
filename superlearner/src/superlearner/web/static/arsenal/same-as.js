/**
 * A form's operation as a line for other interfaces: curl, command line, console, AI client. Pure: no DOM.
 *
 * Tests run these lines for every operation's example and compare the requests.
 *
 * @module
 */

import { quoted } from "../base/commands.js";
import { fieldsOf, read } from "./form-fields.js";
import { addressOf, requestOf } from "./form-request.js";

/** @import { Field, Line } from "./form-fields.js" */
/** @typedef {{node?: string, dryRun?: boolean, cli?: string}} How  `cli`: how commands begin */
/** @typedef {Readonly<Record<string, unknown>>} Values */
/** @typedef {{id: string, label: string, text: string, words: string}} Same */

/** @param {string} one  a single character */
const code = (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** @param {string} text  such characters occur only inside its strings */
const seen = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu,
  (found) => [...Array(found.length).keys()].map((place) => code(found.charAt(place))).join(""));

/** @param {unknown} value @param {number} [indent] */
const json = (value, indent) => JSON.stringify(value, null, indent).split("\n").map(seen).join("\n");

/**
 * @param {Line} line
 * @param {Values} values
 * @param {How & {at: string, credential?: boolean}} how  `at` is the platform's address; `credential`: whether requests need one
 */
function curlOf(line, values, { at, credential = false, ...how }) {
  const request = requestOf(line, values, how);
  const words = ["curl", line.streams ? "-sN" : "-s", ...(line.method === "GET" ? [] : ["-X", line.method])];
  const lines = [words.join(" ")];
  if (credential || line.scope === "code") lines.push(`-H "authorization: Bearer $(${how.cli ?? "superlearner"} token)"`);
  if (request.body !== undefined) lines.push("-H 'content-type: application/json'", `-d ${quoted(json(request.body))}`);
  lines.push(quoted(at + addressOf(request)));
  return lines.length > 2 ? lines.join(" \\\n  ") : lines.join(" ");
}

/** @param {Line} line @param {Values} values @param {How} how */
function commandOf(line, values, { node = "", dryRun = false, cli = "superlearner" }) {
  const [category = "", ...verb] = line.name.split(".");
  /** @type {string[]} */ const words = [];
  /** @type {string[]} */ const places = [];
  for (const field of fieldsOf(line)) {
    const value = values[field.name];
    if (value === undefined) continue;
    const option = `--${field.name.replaceAll("_", "-")}`;
    if (field.place === "path") places.push(String(value));
    else if (field.kind === "flag") words.push(value ? option : `--no-${option.slice(2)}`);
    else if ((field.kind === "list" || field.kind === "several") && Array.isArray(value) && value.length
      && !(value.length === 1 && String(value[0]).startsWith("["))) {
      for (const one of value) words.push(...named(option, String(one)));
    } else words.push(...named(option, typedAs(field, value)));
  }
  if (node && line.on_node) words.push(...named("--node", node));
  if (dryRun && line.changes) words.push("--dry-run");
  const before = places.some((one) => one.startsWith("-")) ? [...words, "--", ...places.map(quoted)] : [...places.map(quoted), ...words];
  return [cli, category, verb.join("-").replaceAll("_", "-"), ...before].join(" ");
}

/** @param {string} option @param {string} value */
const named = (option, value) => (value.startsWith("-") ? [`${option}=${quoted(value)}`] : [option, quoted(value)]);

/** Return the text to type for a value. @param {Field} field @param {unknown} value */
function typedAs(field, value) {
  if (typeof value !== "string") return json(value);
  if (field.kind !== "any" && field.kind !== "mixed") return value;
  const found = read({ ...field, kind: "any", required: false }, value);
  return "value" in found && found.value === value ? value : json(value);
}

/** A name of an operation or a parameter that is a keyword of Python gets an underscore in the console. */
const KEYWORD = /(^|\.)(import|del|is|in|for|from|pass|raise|return|with|yield|global|lambda|class|def|try|if|or|and|not|while)$/;

/** Return the name of an operation or a parameter in Python. @param {string} name */
const inPython = (name) => `${name}${KEYWORD.test(name) ? "_" : ""}`;

/** Return a call for the console. @param {Line} line @param {Values} values @param {How} how */
function pythonOf(line, values, { node = "", dryRun = false }) {
  const fields = fieldsOf(line).filter((one) => values[one.name] !== undefined);
  const given = fields.map((one) => (one.place === "path" ? "" : `${inPython(one.name)}=`) + python(values[one.name]));
  if (node && line.on_node) given.push(`node=${python(node)}`);
  if (dryRun && line.changes) given.push("dry_run=True");
  return `${inPython(line.name)}(${given.join(", ")})`;
}

/** Return JSON in Python's notation. @param {unknown} value @returns {string} */
function python(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, one]) => `${json(key)}: ${python(one)}`).join(", ")}}`;
  return json(value);
}

/** Return the request of an AI client. @param {Line} line @param {Values} values @param {How} how */
function mcpOf(line, values, { node = "", dryRun = false }) {
  const more = { ...(node && line.on_node ? { node } : {}), ...(dryRun && line.changes ? { dry_run: true } : {}) };
  return json({ method: "tools/call", params: { name: line.name.replaceAll(".", "_"), arguments: { ...values, ...more } } }, 2);
}

/**
 * @param {Line} line
 * @param {Values} values
 * @param {How & {at: string, credential?: boolean}} how
 * @returns {Same[]}
 */
export const sameAs = (line, values, how) => [
  { id: "curl", label: "curl", text: curlOf(line, values, how), words: "Over HTTP, from anywhere that reaches this address." },
  {
    id: "cli", label: "Command line", text: commandOf(line, values, how), words: "On the machine of the platform, or elsewhere with --url.",
  },
  { id: "python", label: "Python", text: pythonOf(line, values, how), words: "In superlearner console, or behind its -c." },
  { id: "mcp", label: "AI client", text: mcpOf(line, values, how), words: "What a client of superlearner mcp sends." },
];
