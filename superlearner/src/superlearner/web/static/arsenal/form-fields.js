/**
 * The fields of an operation's form, derived from the JSON Schema of its parameters, and the parsing of input.
 *
 * Pure: no DOM. The command line parses input by the same rules (`superlearner/cli/values.py`).
 *
 * @module
 */

/** @typedef {Record<string, any>} Schema */
/** @typedef {Api.OperationLine} Line */
/**
 * `any` is any JSON, `json` an object or a list, `mixed` a number or a keyword, `several` any number of choices.
 * @typedef {"text"|"integer"|"number"|"flag"|"choice"|"several"|"list"|"mixed"|"time"|"json"|"any"} Kind
 */
/**
 * @typedef {{name: string, label: string, place: "path"|"query"|"body", kind: Kind, required: boolean, nullable: boolean,
 *   words: string, fallback: unknown, choices: string[], of: Kind, min: number|null, max: number|null, above:
 * number|null, longest: number|null,
 *   shortest: number|null, pattern: string, picker: string, example: unknown, secret: boolean}} Field
 */
/** The content of a field: text, check mark, or selected choices. @typedef {string|boolean|string[]} Entry */
/** @typedef {{value: unknown}|{absent: true}|{wrong: string}} Read */

const SECRET = /secret|passw|credential|authorization|api_?key|(^|_)token$/i;
const CHOICES_IN_PATTERN = /^\^\(([a-z_]+(?:\|[a-z_]+)+)\)\$$/;

/** Return whether a name looks like that of a secret. @param {string} name */
export const isSecret = (name) => SECRET.test(name);

/**
 * @param {Line} line
 * @returns {Field[]}  path parameters first, then required ones, then the rest as declared, and pagination at the end
 */
export function fieldsOf(line) {
  const { properties = {}, required = [], $defs = {} } = line.parameters;
  const inPath = [...line.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? "");
  const elsewhere = line.method === "GET" ? "query" : "body";
  const fields = Object.entries(properties).map(([name, schema]) =>
    fieldOf(name, schema, inPath.includes(name) ? "path" : elsewhere, required.includes(name), $defs));
  /** @param {Field} field */
  const rank = (field) => (field.place === "path" ? inPath.indexOf(field.name) - 1000
    : field.required ? -1
    : field.name === "page" || field.name === "per_page" ? 1
    : 0);
  return fields.sort((one, other) => rank(one) - rank(other));
}

/**
 * @param {string} name
 * @param {Schema} given
 * @param {"path"|"query"|"body"} place
 * @param {boolean} required
 * @param {Record<string, Schema>} known
 * @returns {Field}
 */
function fieldOf(name, given, place, required, known) {
  const { schema, nullable, others } = plain(given, known);
  const items = schema.type === "array" ? plain(schema.items ?? {}, known).schema : {};
  const asked = kindOf(schema, items, others, given.format);
  // a checkbox has only two states, but this flag may also be unset
  const kind = asked === "flag" && nullable && (given.default ?? null) === null ? "choice" : asked;
  return {
    name, place, kind, required, nullable,
    label: labelOf(name, given["x-picker"] ?? schema["x-picker"] ?? ""),
    words: given.description ?? schema.description ?? "",
    fallback: given.default ?? null,
    choices: choicesOf(kind, schema, items, others),
    of: kind === "list" ? kindOf(items, {}, []) : asked,
    min: schema.minimum ?? null,
    above: schema.exclusiveMinimum ?? null,
    max: schema.maximum ?? schema.exclusiveMaximum ?? null,
    shortest: schema.minLength ?? schema.minItems ?? null,
    longest: schema.maxLength ?? schema.maxItems ?? null,
    pattern: schema.pattern ?? "",
    picker: given["x-picker"] ?? schema["x-picker"] ?? "",
    example: given.examples?.[0] ?? schema.examples?.[0] ?? items.examples?.[0],
    secret: given.format === "password" || given.writeOnly === true || isSecret(name),
  };
}

/**
 * Return the label of a parameter: `timeout_ms` in words; for a picker, the kind of thing.
 * @param {string} name
 * @param {string} picker
 */
function labelOf(name, picker) {
  if (picker && ["pid", "name", "id"].includes(name)) return picker.charAt(0).toUpperCase() + picker.slice(1);
  if (name === "pids") return "Processes";
  const words = name.replace(/_ms$/, "").replace(/_s$/, "").replace(/^(.*)_id$/, "$1").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * Return a schema without references and null; `others` are alternatives for the value.
 * @param {Schema} given
 * @param {Record<string, Schema>} known
 * @returns {{schema: Schema, nullable: boolean, others: Schema[]}}
 */
function plain(given, known) {
  let schema = given;
  let nullable = false;
  for (let depth = 0; depth < 8; depth++) {
    if (typeof schema.$ref === "string") schema = { ...known[schema.$ref.split("/").pop() ?? ""], ...schema, $ref: undefined };
    else if (Array.isArray(schema.anyOf)) {
      const real = schema.anyOf.filter((one) => one.type !== "null");
      nullable ||= real.length < schema.anyOf.length;
      const [first, ...others] = real;
      if (others.length) return { schema: first, nullable, others };
      schema = { ...schema, anyOf: undefined, ...first };
    } else break;
  }
  return { schema, nullable, others: [] };
}

/**
 * @param {Schema} schema
 * @param {Schema} items
 * @param {Schema[]} others
 * @param {string} [format]
 * @returns {Kind}
 */
function kindOf(schema, items, others, format) {
  if (format === "unix-time") return "time";
  if (others.length) {
    const numbers = schema.type === "number" || schema.type === "integer";
    return numbers && others.every((one) => "const" in one || Array.isArray(one.enum)) ? "mixed" : "any";
  }
  if ("const" in schema || Array.isArray(schema.enum) || CHOICES_IN_PATTERN.test(schema.pattern ?? "")) return "choice";
  if (schema.type === "integer" || schema.type === "number") return schema.type;
  if (schema.type === "boolean") return "flag";
  if (schema.type === "string") return "text";
  if (schema.type === "object") return "json";
  if (schema.type !== "array") return "any";
  if (Array.isArray(items.enum)) return "several";
  return items.type === "string" || items.type === "integer" || items.type === "number" ? "list" : "json";
}

/**
 * @param {Kind} kind
 * @param {Schema} schema
 * @param {Schema} items
 * @param {Schema[]} others
 * @returns {string[]}
 */
function choicesOf(kind, schema, items, others) {
  if (kind === "several") return items.enum.map(String);
  if (kind === "mixed") return others.flatMap((one) => one.enum ?? [one.const]).map(String);
  if (kind !== "choice") return [];
  if (schema.type === "boolean") return ["true", "false"];
  if ("const" in schema) return [String(schema.const)];
  return schema.enum?.map(String) ?? CHOICES_IN_PATTERN.exec(schema.pattern)?.[1]?.split("|") ?? [];
}

/**
 * Return the content of a field for a value; without one, the initial content.
 * @param {Field} field
 * @param {unknown} [value]
 * @returns {Entry}
 */
export function entryOf(field, value) {
  if (field.kind === "flag")
    return value === undefined || value === null ? field.fallback === true : value === true || value === "true" || value === "";
  if (field.kind === "several")
    return (Array.isArray(value) ? value : Array.isArray(field.fallback) && value === undefined ? field.fallback : []).map(String);
  if (value === undefined || value === null) {
    if (field.kind === "choice") return field.fallback === null ? (field.required ? field.choices[0] ?? "" : "") : String(field.fallback);
    return "";
  }
  if (field.kind === "list") return Array.isArray(value) ? value.map(String).join("\n") : String(value).split(",").join("\n");
  if (field.kind === "time") return typeof value === "number" ? localTime(value) : String(value);
  if (field.kind === "any") return typeof value === "string" && bare(value) === value ? value : JSON.stringify(value);
  if (field.kind === "json") return typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return String(value);
}

/** Return seconds since 1970 as a local date and time. @param {number} seconds */
function localTime(seconds) {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/**
 * @param {Field} field
 * @param {Entry} entry
 * @returns {Read}
 */
export function read(field, entry) {
  if (typeof entry === "boolean") return { value: entry };
  if (Array.isArray(entry)) {
    if (entry.length || !field.required && !field.shortest) return { value: entry };
    return field.required ? { wrong: "Choose at least one." } : { absent: true };
  }
  const text = field.kind === "text" || field.kind === "any" ? entry : entry.trim();
  if (text === "") return field.required ? { wrong: "This is needed." } : { absent: true };
  if (field.kind === "integer" || field.kind === "number") return readNumber(field, text);
  if (field.kind === "mixed") return field.choices.includes(text) ? { value: text } : readNumber(field, text);
  if (field.kind === "time") return readTime(text);
  if (field.kind === "list") return readList(field, text);
  if (field.kind === "any") return readAny(text);
  if (field.kind === "json") return readJson(text);
  if (field.kind === "text") return readText(field, text);
  return { value: field.of === "flag" ? text === "true" : text };
}

/** @param {Field} field @param {string} text @returns {Read} */
function readNumber(field, text) {
  const value = Number(text);
  const whole = field.kind === "integer" || field.of === "integer";
  const words = field.choices.length ? `, or ${field.choices.join(" or ")}` : "";
  const expected = `Expected a ${whole ? "whole " : ""}number${bounds(field)}${words}.`;
  const outside = (field.min !== null && value < field.min) || (field.max !== null && value > field.max)
    || (field.above !== null && value <= field.above);
  return !Number.isFinite(value) || outside || (whole && !Number.isInteger(value)) ? { wrong: expected } : { value };
}

/** Return the bounds in words, such as " from 1 to 9". @param {Field} field */
export function bounds({ min, max, above }) {
  const low = above !== null ? ` above ${above}` : min !== null ? ` from ${min}` : "";
  return `${low}${max !== null && max < 1e12 ? `${low ? " to" : " up to"} ${max}` : ""}`;
}

/**
 * Read a time as the platform does (`read_time`), except that times without an offset are in the browser's time zone.
 * @param {string} text
 * @returns {Read}
 */
function readTime(text) {
  if (/^\d+(\.\d+)?$/.test(text)) return { value: Number(text) };
  const clock = /^(\d{1,2}):(\d\d)(:\d\d(\.\d+)?)?$/.exec(text);
  if (clock) return { value: text + offset(Number(clock[1]), Number(clock[2])) };
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text;
  const seconds = /^\d{4}-\d\d-\d\d[T ]/.test(day) ? new Date(day).getTime() / 1000 : NaN;
  if (Number.isFinite(seconds)) return { value: seconds };
  if (text === "now" || /^\d[\d.]* ?[a-z]/i.test(text)) return { value: text };
  return { wrong: "Expected a time such as 18:14, 30 min ago, 1h or 2026-11-27 18:14." };
}

/**
 * Return the browser's offset from UTC, such as +01:00, at the last occurrence of a time of day.
 * @param {number} hours @param {number} minute
 */
function offset(hours, minute) {
  const at = new Date();
  at.setHours(hours, minute, 0, 0);
  if (at.getTime() > Date.now()) at.setDate(at.getDate() - 1);
  const minutes = -at.getTimezoneOffset();
  const two = (/** @type {number} */ number) => String(Math.floor(number)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** @param {Field} field @param {string} text @returns {Read} */
function readList(field, text) {
  if (text.startsWith("[")) return readJson(text);
  const lines = text.split("\n").map((one) => one.trim()).filter(Boolean);
  if (field.of === "text") return { value: lines };
  const values = lines.map(Number);
  return values.every(Number.isFinite) ? { value: values } : { wrong: "Expected a number on each line." };
}

/** @param {string} text @returns {Read} */
function readJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { wrong: `Expected JSON: ${error instanceof Error ? error.message : error}.` };
  }
}

/**
 * Parse JSON; a bare word is a string.
 * @param {string} text
 * @returns {Read}
 */
function readAny(text) {
  return /^\s*[[{"]/.test(text) ? readJson(text) : { value: bare(text) };
}

/** @param {string} text @returns {unknown} */
function bare(text) {
  if (/^\s*[[{"]/.test(text) || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {Field} field @param {string} text @returns {Read} */
function readText(field, text) {
  const length = [...text].length;
  if (field.shortest !== null && length < field.shortest) return { wrong: `Expected at least ${field.shortest} characters.` };
  if (field.longest !== null && length > field.longest) return { wrong: `Expected at most ${field.longest} characters, got ${length}.` };
  if (field.place === "path" && /^\.{1,2}$/.test(text)) return { wrong: "An address cannot name this." };
  if (field.pattern && !matches(field.pattern, text)) return { wrong: `Expected another form: ${field.words || field.pattern}` };
  return { value: text };
}

/** Test a pattern; one that this browser does not support is left to the server. @param {string} pattern @param {string} text */
function matches(pattern, text) {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

/**
 * Return the values of a form: required ones and those that differ from their defaults.
 * @param {Field[]} fields
 * @param {Record<string, Entry>} entries
 * @returns {{values: Record<string, unknown>, wrong: Record<string, string>}}
 */
export function valuesOf(fields, entries) {
  /** @type {Record<string, unknown>} */ const values = {};
  /** @type {Record<string, string>} */ const wrong = {};
  for (const field of fields) {
    const found = read(field, entries[field.name] ?? entryOf(field));
    if ("wrong" in found) wrong[field.name] = found.wrong;
    else if ("value" in found && (field.required || JSON.stringify(found.value) !== JSON.stringify(field.fallback)))
      values[field.name] = found.value;
  }
  return { values, wrong };
}
