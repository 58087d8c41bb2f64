/**
 * The page /predict: the game, with level and seed in the address.
 *
 * @module
 */

import { byId, chosen } from "../base/dom.js";
import { shortcuts } from "../shell/keys.js";
import { PredictGame } from "./predict-game.js";
import { LEVELS, recall } from "./record.js";

const place = byId("predict", HTMLElement), game = new PredictGame();

/** Return the question of the address; without one, the first level that was not passed. */
function read() {
  const query = new URLSearchParams(location.search), { passed } = recall();
  const next = Array.from({ length: LEVELS }, (_, place) => place + 1).find((level) => !passed.includes(level)) ?? 1;
  game.setAttribute("level", query.get("level") ?? `${next}`);
  const seed = query.get("seed");
  if (seed === null) game.removeAttribute("seed");
  else game.setAttribute("seed", seed);
}

game.addEventListener("predict-question", (event) => {
  if (!(event instanceof CustomEvent)) return;
  const { level, seed } = event.detail, now = new URLSearchParams(location.search), before = now.has("seed");
  document.title = `Level ${level} · Predict · SuperLearner`;
  if (now.get("level") === `${level}` && now.get("seed") === `${seed}`) return;
  const query = new URLSearchParams({ ...(chosen() ? { node: chosen() } : {}), level, seed });
  history[before ? "pushState" : "replaceState"](null, "", `${location.pathname}?${query}`);
});
addEventListener("popstate", read);
shortcuts([
  { keys: ["1", "0"], text: "open a level, 0 for level 10" },
  { keys: ["Space"], text: "pick a process" },
  { keys: ["Enter"], text: "lock the prediction in" },
]);
read();
game.append(...place.querySelectorAll("h1"));
place.replaceChildren(game);
