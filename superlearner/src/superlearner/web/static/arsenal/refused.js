/**
 * A refused request of the audit log, as one sentence.
 *
 * @module
 */

/** Why requests are refused, by the code of the error. @type {Record<string, string>} */
const WHY = {
  missing_scope: "the user lacks the scope",
  critical_process_protection: "the process belongs to the platform",
  sensitive_process: "the process is sensitive",
  eval_not_allowed: "evaluating code is not allowed",
};

/** @param {{outcome: string, parameters: unknown}} entry */
export function refusedText({ outcome, parameters }) {
  const given = Object.entries(parameters ?? {}).filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const request = given.length ? `The request with ${given.join(", ")}` : "The request";
  return outcome === "ok" ? `${request} was done.` : `${request} was refused: ${WHY[outcome] ?? outcome.replaceAll("_", " ")}.`;
}
