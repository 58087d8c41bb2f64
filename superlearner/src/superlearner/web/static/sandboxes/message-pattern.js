/**
 * A message that a pattern of Python's `match` accepts, as a JSON value. Lists stand for tuples, as in the form that
 * sends it. Pure.
 *
 * @module
 */

/** No JSON value is accepted, or none is known. */
export const NONE = Symbol("none");

/** @typedef {(name: string) => unknown} Values  returns the value of a name, or NONE */
/** @typedef {{kind: "text"|"name"|"number"|"sign", text: string}} Token */

const TOKENS = /\s+|([bBrRfFuU]{0,2}(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))|([A-Za-z_][\w.]*)|(-?\d[\d_]*(?:\.\d+)?)|(\*\*|[^])/y;
/** A value for each type of which JSON has values. @type {ReadonlyMap<string, unknown>} */
const OF_TYPE = new Map(/** @type {[string, unknown][]} */ ([
  ["int", 1], ["float", 1.5], ["bool", true], ["str", "text"], ["tuple", []], ["dict", {}],
]));
const LITERALS = new Map(/** @type {[string, unknown][]} */ ([["None", null], ["True", true], ["False", false]]));
const ESCAPES = new Map([["n", "\n"], ["t", "\t"], ["r", "\r"], ["\\", "\\"], ['"', '"'], ["'", "'"]]);

/** Return the value of a string as it is written in Python. @param {string} written */
function textOf(written) {
  const [, prefix = "", , text = ""] = /^(\w*)(["'])([^]*)\2$/.exec(written) ?? [];
  if (/[bf]/i.test(prefix)) return NONE;
  if (/r/i.test(prefix)) return text;
  const unknown = [...text.matchAll(/\\([^])/g)].some(([, letter = ""]) => !ESCAPES.has(letter));
  return unknown ? NONE : text.replace(/\\([^])/g, (_, letter) => ESCAPES.get(letter) ?? "");
}

/** Reads one pattern, and makes a value for each part of it. */
class Reader {
  /** @type {Token|null} */ token = null;
  /** The last pattern was `_`. */ wild = false;
  /** The last list ended with a comma. */ comma = false;

  /**
   * @param {string} source
   * @param {number} at
   * @param {Values} captured  the value for a name that the pattern binds
   * @param {Values} constant  the value of a dotted name
   */
  constructor(source, at, captured, constant) {
    this.source = source;
    this.at = at;
    this.captured = captured;
    this.constant = constant;
    this.next();
  }

  next() {
    do {
      TOKENS.lastIndex = this.at;
      const found = TOKENS.exec(this.source);
      if (!found) return void (this.token = null);
      this.at = TOKENS.lastIndex;
      const [all, text, name, number] = found;
      this.token = all.trim() ? { kind: text ? "text" : name ? "name" : number ? "number" : "sign", text: all } : null;
    } while (!this.token);
  }

  /** @param {string} text */
  is(text) {
    return this.token?.kind !== "text" && this.token?.text === text;
  }

  /** Skip a token if it is there. @param {string} text */
  skip(text) {
    const there = this.is(text);
    if (there) this.next();
    return there;
  }

  /** Return the values of the alternatives of the whole pattern, which may be a sequence without brackets. */
  whole() {
    const first = this.alternatives();
    if (!this.is(",")) return first;
    const items = [first[0]];
    while (this.skip(",") && !this.is(":") && !this.is("if")) items.push(this.value());
    return [sequence(items)];
  }

  /** Return the first value of a pattern that has one. */
  value() {
    const [first = NONE] = this.alternatives().filter((one) => one !== NONE);
    return first;
  }

  alternatives() {
    const all = [this.one()];
    while (this.skip("|")) all.push(this.one());
    if (this.skip("as")) {
      const name = this.token?.text ?? "";
      this.next();
      if (this.wild) all[0] = this.captured(name);
    }
    return all;
  }

  /** @returns {unknown} */
  one() {
    const token = this.token;
    this.wild = false;
    if (!token) return NONE;
    this.next();
    if (token.kind === "number") return Number(token.text.replaceAll("_", ""));
    if (token.kind === "text") return this.text(token.text);
    if (token.kind === "name") return this.named(token.text);
    if (token.text === "*") return this.one(), REST;
    if (token.text === "(" || token.text === "[") return this.items(token.text === "(" ? ")" : "]", token.text === "(");
    return token.text === "{" ? this.mapping() : NONE;
  }

  /** @param {string} written */
  text(written) {
    let all = textOf(written);
    while (this.token?.kind === "text") {
      const more = textOf(this.token.text);
      all = all === NONE || more === NONE ? NONE : `${String(all)}${String(more)}`;
      this.next();
    }
    return all;
  }

  /** @param {string} name */
  named(name) {
    if (LITERALS.has(name)) return LITERALS.get(name);
    if (this.skip("(")) return this.ofClass(name);
    if (name.includes(".")) return this.constant(name);
    this.wild = name === "_";
    return this.wild ? 1 : this.captured(name);
  }

  /** @param {string} name */
  ofClass(name) {
    const typed = OF_TYPE.has(name) ? OF_TYPE.get(name) : NONE, empty = this.is(")");
    const [value] = this.list(")");
    if (typed === NONE || empty) return typed;
    return typeof value === typeof typed && name !== "float" && Array.isArray(value) === Array.isArray(typed) ? value : typed;
  }

  /** @param {string} end @param {boolean} group  whether one value in brackets is that value */
  items(end, group) {
    const values = this.list(end);
    return group && values.length === 1 && !this.comma && values[0] !== REST ? values[0] : sequence(values);
  }

  /** Read values up to a closing bracket. @param {string} end */
  list(end) {
    /** @type {unknown[]} */ const values = [];
    let comma = false;
    while (this.token && !this.is(end)) {
      const keyword = this.token.kind === "name" && /^\s*=(?!=)/.test(this.source.slice(this.at));
      if (keyword) {
        this.next();
        this.next();
      }
      values.push(this.value());
      if (!this.is(end) && !(comma = this.skip(","))) break;
    }
    const closed = this.skip(end);
    this.comma = comma;
    return closed ? values : [NONE];
  }

  mapping() {
    /** @type {[string, unknown][]} */ const items = [];
    let known = true;
    while (this.token && !this.is("}")) {
      if (this.skip("**")) this.next();
      else {
        const key = this.one();
        if (typeof key !== "string" || !this.skip(":")) known = false;
        items.push([String(key), this.value()]);
      }
      if (!this.is("}") && !this.skip(",")) known = false;
      if (!known) break;
    }
    this.skip("}");
    return known && items.every(([, value]) => value !== NONE) ? Object.fromEntries(items) : NONE;
  }
}

/** Any number of values. */
const REST = Symbol("rest");

/** @param {unknown[]} values */
const sequence = (values) => (values.includes(NONE) ? NONE : values.filter((one) => one !== REST));

/**
 * Return a value for each alternative of a pattern, without those that no JSON value matches.
 * @param {string} source  begins with the pattern at `at`; what follows it is not read
 * @param {number} at
 * @param {Values} captured  the value for a name that the pattern binds
 * @param {Values} constant  the value of a dotted name
 * @returns {unknown[]}
 */
export function accepted(source, at, captured, constant) {
  return new Reader(source, at, captured, constant).whole().filter((one) => one !== NONE && one !== REST);
}
