/**
 * Further search words of pages, by id: former names, and what readers look for there. The palette finds the pages by
 * them, too.
 *
 * @module
 */

/** @type {Record<string, string>} */
export const WORDS = {
  start: "home overview",
  supervisors: "supervision tree supervisors processes table map strategy children",
  timeline: "restarts crashes causes why traces messages replay recordings history what happened past events",
  sandboxes: "sandbox sandboxes playground code editor run own",
  learn: "learning path course lessons tours exercises",
  lesson: "course session lesson exercises otp lecture",
  system: "figures thresholds scheduler lag memory chart nodes",
  cluster: "members nodes distributed supervisors children moves conflicts partition",
  processes: "process list table pids",
  traces: "trace traces messages record",
  replay: "recordings past go back in time",
  docs: "documentation manual guide concepts help",
  arsenal: "operations api audit log rest",
  settings: "configuration users tokens store",
};
