/**
 * Random values for properties that hold for all of them: a seed makes the same ones again.
 *
 * @module
 */

/** A source of numbers between 0 and 1, as mulberry32 makes them. @param {number} seed */
export function source(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Calls `check` with many values; a failure names the seed that makes its value again.
 * @template T
 * @param {number} times
 * @param {(draw: Draw) => T} make
 * @param {(value: T) => void} check
 */
export function forAll(times, make, check) {
  for (let seed = 1; seed <= times; seed += 1) {
    const value = make(new Draw(source(seed)));
    try {
      check(value);
    } catch (error) {
      throw new Error(`with seed ${seed}: ${JSON.stringify(value).slice(0, 2000)}`, { cause: error });
    }
  }
}

export class Draw {
  /** @param {() => number} next */
  constructor(next) {
    this.next = next;
  }

  /** A whole number, both ends included. @param {number} least @param {number} most */
  int(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** @template T @param {T[]} values @returns {T} */
  one(values) {
    return values[this.int(0, values.length - 1)];
  }

  /** Some of these, each at most once, in any order. @template T @param {T[]} values @param {number} most */
  some(values, most) {
    const left = [...values];
    return Array.from({ length: this.int(0, Math.min(most, left.length)) }, () => left.splice(this.int(0, left.length - 1), 1)[0]);
  }
}
