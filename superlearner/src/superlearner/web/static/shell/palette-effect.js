/**
 * The sentences of a prediction, for the palette's question. Pure.
 *
 * @module
 */

import { budgetText, unlimited } from "../base/words.js";


/**
 * Return what a command would do: the prediction, or what is known without it.
 * @param {{known: string, predict?: string}} deed
 * @param {Api.PredictionResult|null} prediction
 */
export function effect({ known, predict }, prediction) {
  if (!prediction?.steps.length) return predict ? `${known} The prediction is not available now.` : known;
  const last = prediction.steps.at(-1);
  const end = prediction.comes_back || last?.outcome === "stays_down" || last?.outcome === "gone" ? "" : " Nothing starts it again.";
  return prediction.steps.map(sentence).join(" ") + end;
}

/** @param {Api.PredictionStep} step */
function sentence({ name, supervisor, strategy, words, outcome, restarts_used, max_restarts, max_seconds }) {
  const counts = outcome === "restarts" && typeof max_restarts === "number" && !unlimited({ max: max_restarts });
  const window_s = typeof max_seconds === "number" ? max_seconds : null;
  const budget = counts ? ` (${budgetText(Math.max(0, max_restarts - restarts_used), { max: max_restarts, window_s })})` : "";
  return `${name ?? supervisor} (${strategy}): ${words}${budget}.`;
}
