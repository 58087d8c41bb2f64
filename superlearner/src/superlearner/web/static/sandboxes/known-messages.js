/**
 * The messages that a class handles, read from its source, in the syntax of the form that sends them. Pure.
 *
 * @module
 */

import { MOST_OFFERS } from "../process/sent-messages.js";
import { NONE, accepted } from "./message-pattern.js";

/** @import { Kind, Message } from "../process/sent-messages.js" */
/** @typedef {(value: unknown, body: string) => unknown} Whole  makes a message from a value of its part; `body` uses the others */
/** @typedef {{part: string, whole: Whole}} Subject  a part of a message that code compares */

/** @type {ReadonlyMap<string, Kind>} */
const CALLBACKS = new Map([["handle_call", "call"], ["handle_cast", "cast"], ["handle_info", "send"]]);
/** Names that a number is given to, if the code does not tell. */
const NUMBERS =
  /^(?:\w?|\w*(?:amount|count|number|num|delta|by|step|size|total|seconds|delay|ms|index|limit|times|price|age|level|value|default)\d*)$/;
/** A callback that raises for every unknown message. */
const RAISES = /\n\s+case _:\s*raise\b/;
/** A case for any message. */
const TAKES_ALL = /^\s*case\s+(?!(?:None|True|False|\d+)\s*(?:if\b.*)?:)\w+\s*(?:if\b.*)?:/;
const QUOTED = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`;

/** Return a text that a regular expression finds. @param {string} text */
const exactly = (text) => text.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&");

/** Texts of several lines, and comments. */
const DROPPED = new RegExp(`[rRbBfF]*(?:"""[^]*?"""|'''[^]*?''')|(${QUOTED})|#[^\\n]*`, "g");

/** Return Python without comments and texts of several lines. @param {string} source */
const bare = (source) => source.replace(DROPPED, (_, text) => text ?? "");

/** Return the lines below a line that are indented more. @param {readonly string[]} lines @param {number} at */
function block(lines, at) {
  const depth = (lines[at] ?? "").search(/\S/);
  const end = lines.findIndex((line, place) =>
    place > at && /\S/.test(line) && line.search(/\S/) <= depth && !/^\s*[)\]}]/.test(line));
  return lines.slice(at, end < 0 ? lines.length : end);
}

/**
 * Return a value for a name, from what code does with it; NONE if that takes a pid or a function.
 * @param {string} part
 * @param {string} body
 */
function guess(part, body) {
  const own = exactly(part), name = `(?<![\\w."'])${own}(?![\\w"'])`;
  const uses = (/** @type {string} */ form) => new RegExp(form.replaceAll("NAME", name)).test(body);
  const more = new RegExp(`(?<![\\w.])${own}\\s*>=?\\s*(\\d+)`).exec(body);
  if (more) return Number(more[1]) + 1;
  const takesPid = uses(String.raw`\b(?:send|send_after|monitor|link|cast|call|exit|is_alive|reply)\(NAME\s*[,)]`);
  if (takesPid || /^(?:pid|sender|caller|from_|reply_to|ref)$/.test(part) || uses(String.raw`NAME\(`)) return NONE;
  if (uses(String.raw`NAME\.(?:upper|lower|strip|split|title|startswith|endswith|replace|encode)\(`)) return plain(part);
  if (uses(String.raw`NAME\.(?:items|keys|values)\(|\*\*NAME`)) return {};
  if (uses(String.raw`\b(?:in|sum\(|max\(|min\() ?NAME\s*[:)]|[[(,] ?\*NAME`)) return [1, 2];
  if (uses(String.raw`(?:[-+*/%<>]=?\s*|\b(?:range|sleep|int|abs)\()NAME|NAME\s*[-+*/%<>]`) || NUMBERS.test(plain(part))) return 1;
  return plain(part);
}

/** Return a word for a name. @param {string} part */
const plain = (part) => (/^\w+$/.test(part) ? part : /["'](\w+)["']/.exec(part)?.[1] ?? "text");

/** Return the constants of a source by name, also dotted. @param {string} source */
function constantsOf(source) {
  /** @type {Map<string, unknown>} */ const found = new Map();
  let inside = "", usable = true;
  for (const line of source.split("\n")) {
    const [, name, bases = ""] = /^class (\w+)(?:\[.*\])?(?:\((.*)\))?:/.exec(line) ?? [];
    if (name) [inside, usable] = [`${name}.`, !/\bEnum\b/.test(bases) || /\bstr\b|\bint\b/.test(bases)];
    else if (/^\S/.test(line)) [inside, usable] = ["", true];
    const [, depth = "", constant = "", value = ""] = /^( {4}|)(\w+)(?:\s*:[^=]+)?\s*=\s*([^=].*)$/.exec(line) ?? [];
    if (!constant || !usable || Boolean(depth) !== Boolean(inside)) continue;
    const [one] = accepted(value, 0, () => NONE, () => NONE);
    if (one !== undefined) found.set(inside + constant, one);
  }
  return found;
}

/** Reads the messages in one callback. */
class Callback {
  /** @type {unknown[]} */ found = [];

  /** @param {string} body  from its `def` @param {string} message  its parameter @param {(name: string) => unknown} constant */
  constructor(body, message, constant) {
    this.body = body;
    this.lines = body.split("\n");
    this.constant = constant;
    const unpacked = this.#unpacked(message), [first] = unpacked;
    /** @type {Subject} */ const itself = { part: message, whole: (value) => value };
    this.found = [itself, ...unpacked, ...this.#indexed(message)].flatMap((one) => this.#valuesOf(one));
    if (!this.found.length && first) this.found = [first.whole(guess(first.part, body), body)].filter((one) => one !== NONE);
  }

  /** Return the names in `op, amount = message`. @param {string} message @returns {Subject[]} */
  #unpacked(message) {
    const line = new RegExp(
      String.raw`^\s*[([]?((?:\*?\w+\s*,\s*)+(?:\*?\w+)?)[)\]]?\s*=\s*${exactly(message)}\s*$`, "m").exec(this.body);
    const names = (line?.[1] ?? "").split(",").map((one) => one.trim()).filter((one) => one && !one.startsWith("*"));
    return this.#beside(names);
  }

  /** Return the parts `message[0]` and `message["op"]`. @param {string} message @returns {Subject[]} */
  #indexed(message) {
    const own = exactly(message);
    const places = [...this.body.matchAll(new RegExp(String.raw`(?<![\w.])${own}\[(\d)\]`, "g"))].map(([, one]) => Number(one));
    const most = Math.max(-1, ...places), seats = Array.from({ length: most + 1 }, (_, at) => `${message}[${at}]`);
    const fields = [...this.body.matchAll(
      new RegExp(String.raw`(?<![\w.])${own}(?:\[|\.get\()["'](\w+)["'](?:\]|[,)][^)=]*\)?)`, "g"))]
      .map(([part, key = ""]) => ({ part, key }));
    const keys = new Map(fields.map(({ part, key }) => [key, part]));
    /** @param {string} mine @returns {Whole} */
    const withField = (mine) => (value, body) => {
      const items = [...keys].map(([key, text]) => [key, key === mine ? value : guess(text, body)]);
      return items.some(([, item]) => item === NONE) ? NONE : Object.fromEntries(items);
    };
    return [...this.#beside(seats), ...fields.map(({ part, key }) => ({ part, whole: withField(key) }))];
  }

  /** Return the parts of a tuple. @param {readonly string[]} parts @returns {Subject[]} */
  #beside(parts) {
    return parts.map((part, place) => ({
      part, whole: (value, body) => together(parts.map((one, at) => (at === place ? value : guess(one, body)))),
    }));
  }

  /** @param {Subject} subject */
  #valuesOf({ part, whole }) {
    /** @type {unknown[]} */ const found = [];
    const own = exactly(part), equal = new RegExp(String.raw`(?<![\w.])${own}\s*(==|\bin\b)\s*(?=\S)`, "g");
    this.lines.forEach((line, at) => {
      const subject = /^\s*match (.+):\s*$/.exec(line)?.[1]?.trim() ?? "";
      const place = subject.replace(/^\((.*)\)$/, "$1").split(",").map((one) => one.trim()).indexOf(part);
      if (place >= 0) found.push(...this.#cases(at, subject.includes(",") ? place : -1, whole));
      const below = block(this.lines, at).join("\n");
      for (const { 1: sign, 0: text, index } of line.matchAll(equal)) {
        const values = this.#read(line, index + text.length);
        const each = sign === "in" ? values.flatMap((one) => (Array.isArray(one) ? one : [])) : values;
        found.push(...each.map((one) => whole(one, below)));
      }
      const before = new RegExp(String.raw`(${QUOTED})\s*==\s*${own}(?!\w|\[|\.)`).exec(line);
      if (before) found.push(...this.#read(line, before.index).map((one) => whole(one, below)));
      const type = new RegExp(String.raw`isinstance\(${own},\s*(\w+)\)`).exec(line)?.[1];
      if (type) found.push(...accepted(`${type}()`, 0, () => NONE, () => NONE).map((one) => whole(one, below)));
    });
    return found.filter((one) => one !== NONE);
  }

  /** Return the values of an expression. @param {string} line @param {number} at */
  #read(line, at) {
    const braces = /^\{([^:}]*)\}/.exec(line.slice(at));
    return accepted(braces ? `(${braces[1]},)` : line, braces ? 0 : at, this.constant, this.constant).slice(0, 1);
  }

  /** Return the messages of the cases of a `match`. @param {number} at @param {number} place  in its subject @param {Whole} whole */
  #cases(at, place, whole) {
    const inside = block(this.lines, at), depth = (inside.find((line) => /^\s*case\b/.test(line)) ?? "").search(/\S/);
    return inside.flatMap((line, from) => {
      if (line.search(/\S/) !== depth || !/^\s*case\b/.test(line)) return [];
      if (TAKES_ALL.test(line)) return [];
      const body = block(inside, from).join("\n"), start = depth + "case".length;
      const values = accepted(body, start, (name) => guess(name, body), this.constant);
      const own = place < 0 ? values : values.flatMap((one) => (Array.isArray(one) && place in one ? [one[place]] : []));
      return own.map((one) => whole(one, body));
    });
  }
}

/** @param {unknown[]} values */
const together = (values) => (values.includes(NONE) ? NONE : values);

/** Return a message as it is typed: a bare word for a text, otherwise JSON. @param {unknown} value @returns {string} */
function typed(value) {
  return typeof value === "string" && /^[A-Za-z_]\w*$/.test(value) && !["true", "false", "null"].includes(value) ? value : json(value);
}

/** @param {unknown} value @returns {string} */
function json(value) {
  if (Array.isArray(value)) return `[${value.map(json).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${json(one)}`).join(", ")}}`;
}

/**
 * Return some messages that a class handles, of each kind, in the order of its code.
 * @param {string} source  Python
 * @param {string} name  of the class
 * @param {number} [most]
 * @returns {Message[]}
 */
export function messagesIn(source, name, most = MOST_OFFERS) {
  const plainSource = bare(source), lines = plainSource.split("\n"), constants = constantsOf(plainSource);
  /** @type {{message: Message, rank: number}[]} */ const found = [];
  /** @type {Set<Kind>} */ const read = new Set();
  /** @param {string} one @param {number} deep */
  const follow = (one, deep) => {
    const begin = lines.findIndex((line) => new RegExp(`^class ${one}\\b`).test(line));
    if (begin < 0 || deep > 9) return;
    const inside = block(lines, begin), here = new Set(read);
    inside.forEach((line, at) => {
      const kind = CALLBACKS.get(/^\s+(?:async\s+)?def\s+(\w+)/.exec(line)?.[1] ?? "");
      if (!kind || here.has(kind)) return;
      read.add(kind);
      const body = block(inside, at).join("\n"), message = /\(\s*\w+\s*,\s*(\w+)/.exec(body)?.[1];
      if (!message) return;
      const constant = (/** @type {string} */ path) => {
        const full = path.replace(/^self\./, `${name}.`);
        return constants.has(full) ? constants.get(full) : NONE;
      };
      const texts = new Set(new Callback(body, message, constant).found.map(typed));
      if (kind === "cast" && RAISES.test(body)) texts.add("crash");
      [...texts].forEach((text, rank) => found.push({ message: { kind, text }, rank }));
    });
    for (const base of (/\(([^)]*)\)/.exec(inside[0] ?? "")?.[1] ?? "").matchAll(/\b[A-Za-z_]\w*/g)) follow(base[0], deep + 1);
  };
  follow(name, 0);
  const chosen = new Set(found.toSorted((one, other) => one.rank - other.rank).slice(0, most));
  return found.filter((one) => chosen.has(one)).map(({ message }) => message);
}

/** Return whether a cast `crash` makes a process of a source crash. @param {string} source  Python */
export const handlesCrash = (source) => [...source.matchAll(/^class (\w+)/gm)].some(([, name = ""]) =>
  messagesIn(source, name, Infinity).some(({ kind, text }) => kind === "cast" && text === "crash"));
