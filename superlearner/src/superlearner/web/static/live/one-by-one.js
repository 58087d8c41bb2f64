/**
 * Reads that wait for each other, so that the answer of a slow one does not replace a newer answer.
 *
 * @module
 */

/**
 * Return a function that begins a read when those before it have ended, however they ended.
 * @returns {(read: () => Promise<void>) => Promise<void>}
 */
export function oneByOne() {
  let last = Promise.resolve();
  return (read) => (last = last.then(read, read));
}
