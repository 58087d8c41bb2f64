/**
 * What the page says about simulated members. Pure.
 *
 * @module
 */

/** @typedef {Api.ClusterSimulation} Simulation */
/** @typedef {Api.ClusterSimulation["members"][number]} SimulatedMember */
/** @typedef {{from: string, to: string, cut: "no"|"one way"|"both ways"}} Line */
/** @typedef {{x: number, y: number}} Place */

const HOST = /@simulated$/;

/** Return whether this is the name of a simulated member. @param {string} name */
export const isSimulated = (name) => HOST.test(name);

/** Return a name without its host, beside a mark that says what it is. @param {string} name */
export const bare = (name) => name.replace(HOST, "");

/** Return names as text: "n1, n2 and n3". @param {readonly string[]} names */
export function listed(names) {
  const all = names.map(bare);
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

/**
 * Return the state of a member: `up`, `apart` if it does not see all that run, or `failed`; and a sentence about it.
 * @param {SimulatedMember} member
 * @param {Simulation} simulation
 * @returns {{look: "up"|"apart"|"failed", text: string}}
 */
export function stateOf({ name, status, sees }, { members }) {
  if (status === "failed") return { look: "failed", text: "failed" };
  const away = members.filter((one) => one.status === "up" && !sees.includes(one.name)).map((one) => one.name);
  const others = members.map((one) => one.name).filter((one) => one !== name && sees.includes(one));
  if (away.length) return { look: "apart", text: others.length ? `sees ${listed(others)}, not ${listed(away)}` : "sees no other member" };
  return { look: "up", text: others.length ? `sees ${listed(others)}` : "alone" };
}

/**
 * Return the lines between the members, with what cuts them.
 * @param {Simulation} simulation
 * @returns {Line[]}
 */
export function lines({ members, faults }) {
  const names = members.map(({ name }) => name);
  return names.flatMap((from, place) => names.slice(place + 1).map((to) => {
    const fault = faults.find(({ kind, members: both }) => kind === "cut" && both.includes(from) && both.includes(to));
    return { from, to, cut: !fault ? "no" : fault.one_way ? "one way" : "both ways" };
  }));
}

/**
 * Return a place for each member in a picture of 320 by 210: two side by side, more on an ellipse from the top.
 * @param {readonly string[]} names
 * @returns {Map<string, Place>}
 */
export function ring(names) {
  const first = names.length === 2 ? -Math.PI : -Math.PI / 2;
  return new Map(names.map((name, place) => {
    const angle = first + 2 * Math.PI * place / names.length;
    return [name, { x: Math.round(160 + 124 * Math.cos(angle)), y: Math.round(105 + 78 * Math.sin(angle)) }];
  }));
}

/**
 * Return the children of a member, each with the other members on which it also runs.
 * @param {string} name
 * @param {Simulation} simulation
 */
export const childrenOf = (name, { children }) =>
  children.filter(({ nodes }) => nodes.includes(name)).map(({ key, nodes }) => ({ key, also: nodes.filter((one) => one !== name) }));

/** Say what the sides of a partition do; "" without one. @param {Simulation} simulation */
export function partition({ sides, children }) {
  if (sides.length < 2) return "";
  const twice = children.filter(({ nodes }) => nodes.length > 1).length;
  const sentence = `${sides.length} sides: ${sides.map(listed).join(" | ")}.`;
  return twice ? `${sentence} ${twice} ${twice === 1 ? "child runs" : "children run"} on more than one of them.` : sentence;
}
