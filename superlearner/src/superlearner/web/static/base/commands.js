/**
 * Commands for another terminal, with what they need to reach this platform: its data directory or, from another
 * machine, its address. The manual and the tours have commands without it.
 *
 * @module
 */

/** Commands that start a platform of their own, or look at the machine. */
const ALONE = /^(run|doctor)\b/;
/** Commands on the files of the platform, for its own machine. `token VERB` is an operation. */
const ON_FILES = /^(config|db|node b)\b|^token(?! +[a-z])/;
/** A command at the beginning of a line, after a prompt, in a substitution, or after another command. */
const COMMAND = /(^|\$ |\$\(|[;&|] )superlearner(?= +([a-z].*))/gm;

const PLAIN = /^[\w./:=@%+,-]+$/;
// Control characters, and those that reverse the direction of text.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/u;

/** Quote any text as a shell word. @param {string} text */
export function quoted(text) {
  if (PLAIN.test(text)) return text;
  if (!UNSEEN.test(text)) return `'${text.replaceAll("'", `'"'"'`)}'`;
  const escaped = text.replace(/[\\']/g, "\\$&").replace(new RegExp(UNSEEN, "gu"), (one) => {
    const number = one.codePointAt(0) ?? 0;
    return number < 0x80 ? `\\x${number.toString(16).padStart(2, "0")}` : `\\U${number.toString(16).padStart(8, "0")}`;
  });
  return `$'${escaped}'`;
}

/** Return how commands begin in another terminal. */
export const cli = () => document.documentElement.dataset.cli ?? "superlearner";

/** Return a command for another terminal. @param {string} words @param {string} [begin] */
export const command = (words, begin = cli()) =>
  `${ALONE.test(words) || (begin.includes(" --url ") && ON_FILES.test(words)) ? "superlearner" : begin} ${words}`;

/**
 * Return the places in a text where a command needs more words after `superlearner`, last first, with these words.
 * @param {string} text
 * @param {string} begin
 */
export function missing(text, begin) {
  const found = [...text.matchAll(COMMAND)].map((one) => ({
    at: one.index + (one[1]?.length ?? 0) + "superlearner".length,
    words: command(one[2] ?? "", begin).slice("superlearner".length, -1 - (one[2] ?? "").length),
  }));
  return found.filter(({ words }) => words).reverse();
}

/** Return a text with complete commands. @param {string} text @param {string} [begin] */
export const complete = (text, begin = cli()) =>
  missing(text, begin).reduce((now, { at, words }) => now.slice(0, at) + words + now.slice(at), text);

/** Complete the commands in the code of an element, which may be highlighted. @param {ParentNode} element */
export function completeIn(element) {
  for (const code of element.querySelectorAll("code")) {
    for (const { at, words } of missing(code.textContent ?? "", cli())) insert(code, at, words);
  }
}

/** Insert words into the text of an element. @param {Element} element @param {number} at @param {string} words */
function insert(element, at, words) {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let left = at;
  while (texts.nextNode()) {
    const text = /** @type {Text} */ (texts.currentNode);
    if (left <= text.length) return text.insertData(left, words);
    left -= text.length;
  }
}
