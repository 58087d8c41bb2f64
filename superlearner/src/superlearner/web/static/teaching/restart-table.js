/**
 * Who restarts, as `otp`'s supervisors decide. Made by `python -m tools.restart_rules`; do not edit it.
 *
 * @module
 */

/** Reasons that are texts and no failures. @type {string[]} */
export const CLEAN = [
  "normal",
  "shutdown"
];

/** The restart types of children that are restarted, by the kind of the reason. @type {Record<"clean"|"failure", string[]>} */
export const RESTARTED = {
  "clean": [
    "permanent"
  ],
  "failure": [
    "permanent",
    "transient"
  ]
};

/** The fate of a child when a sibling is restarted, by strategy, the child's place in start order, and its restart type. @type {Record<string, Record<"before"|"after", Record<string, "restarts"|"stays"|"gone">>>} */
export const ALONG = {
  "one_for_one": {
    "before": {
      "permanent": "stays",
      "transient": "stays",
      "temporary": "stays"
    },
    "after": {
      "permanent": "stays",
      "transient": "stays",
      "temporary": "stays"
    }
  },
  "one_for_all": {
    "before": {
      "permanent": "restarts",
      "transient": "restarts",
      "temporary": "gone"
    },
    "after": {
      "permanent": "restarts",
      "transient": "restarts",
      "temporary": "gone"
    }
  },
  "rest_for_one": {
    "before": {
      "permanent": "stays",
      "transient": "stays",
      "temporary": "stays"
    },
    "after": {
      "permanent": "restarts",
      "transient": "restarts",
      "temporary": "gone"
    }
  }
};
