/**
 * States on the page: differences between two trees of terms, and between an edited JSON and the original. Pure.
 *
 * @module
 */

/** @typedef {Api.TermNode} Term */

/** @typedef {Api.Difference} Change */

/**
 * Return the changed paths, such as "2.0". A change is reported for the innermost term known in both trees, not for
 * its ancestors.
 * @param {Term|null|undefined} before
 * @param {Term|null|undefined} now
 * @param {string} [path]
 * @returns {string[]}
 */
export function changedPlaces(before, now, path = "") {
  if (!before || !now) return [];
  if (before.type !== now.type) return [path];
  if (!now.members.length || !before.members.length) return before.text === now.text && before.size === now.size ? [] : [path];
  /** @type {Map<string, Term>} */ const old = new Map(before.members.map((one, place) => [name(one, place + before.start), one]));
  /** @type {string[]} */ const found = [];
  now.members.forEach((one, index) => {
    const place = index + now.start;
    const at = path ? `${path}.${place}` : String(place);
    const was = old.get(name(one, place));
    if (was) found.push(...changedPlaces(was, one, at));
    else if (place < before.start + before.members.length || before.size === before.members.length) found.push(at);
  });
  if (!found.length && before.size !== now.size) return [path];
  return found;
}

/** Return the label of a member; members of sets have none. @param {Term} term @param {number} place */
const name = (term, place) => (term.label === "" ? `#${place}` : term.label);

/**
 * Return the differences between two JSON values by path: `items[2].price`.
 * @param {unknown} before
 * @param {unknown} after
 * @param {string} [path]
 * @returns {Change[]}
 */
export function differences(before, after, path = "") {
  if (isObject(before) && isObject(after)) {
    const names = [...Object.keys(before), ...Object.keys(after).filter((key) => !Object.hasOwn(before, key))];
    return names.flatMap((key) =>
      at(path ? `${path}.${key}` : key, Object.hasOwn(before, key), before[key], Object.hasOwn(after, key), after[key]));
  }
  if (Array.isArray(before) && Array.isArray(after))
    return Array.from({ length: Math.max(before.length, after.length) }, (_, index) =>
      at(`${path}[${index}]`, index < before.length, before[index], index < after.length, after[index])).flat();
  return Object.is(before, after) || JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, kind: "changed", before, after }];
}

/** @param {string} path @param {boolean} inOld @param {unknown} old @param {boolean} inNew @param {unknown} now @returns {Change[]} */
function at(path, inOld, old, inNew, now) {
  if (inOld && inNew) return differences(old, now, path);
  return [inOld ? { path, kind: "removed", before: old, after: null } : { path, kind: "added", before: null, after: now }];
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Return the changed keys with their new values, for `state.update`.
 * @param {Record<string, unknown>} before
 * @param {Record<string, unknown>} after
 * @returns {{changes: Record<string, unknown>, removed: string[]}}
 */
export function updateOf(before, after) {
  /** @type {Record<string, unknown>} */ const changes = {};
  for (const [key, value] of Object.entries(after))
    if (!Object.hasOwn(before, key) || differences(before[key], value).length) changes[key] = value;
  return { changes, removed: Object.keys(before).filter((key) => !Object.hasOwn(after, key)) };
}

/**
 * Parse JSON; return the value, or the error and its position.
 * @param {string} text
 * @returns {{value: unknown, wrong: null}|{value: undefined, wrong: string}}
 */
export function parsed(text) {
  if (!text.trim()) return { value: undefined, wrong: "Expected JSON, got nothing." };
  try {
    return { value: JSON.parse(text), wrong: null };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const place = /position (\d+)/.exec(said)?.[1];
    const before = place === undefined ? null : text.slice(0, Number(place));
    const where = before === null ? "" : ` Line ${before.split("\n").length}, column ${before.length - before.lastIndexOf("\n")}.`;
    const what = /'[^']*' ?'/.test(text) || /[{,]\s*'/.test(text) ? " Texts stand in double quotes." : "";
    return { value: undefined, wrong: `This is not JSON.${where}${what || ` ${said.replace(/ in JSON at position.*| \(line.*/s, ".")}`}` };
  }
}

/** Return a value on one line of limited length. @param {unknown} value @param {number} [most] */
export function shortJson(value, most = 120) {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
