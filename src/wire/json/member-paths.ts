/**
 * Paths of members to look for in a JSON text, followed while it is read. Which paths are still
 * possible is one bit each, so that a step costs one `&` and a subtree that none leads into has the
 * set 0.
 */
import { assert } from "../../base/errors.ts";

/** One step: the name of a member, or `"*"` for every element of a list (and no member). */
export type MemberPath = readonly string[];

const EVERY_ELEMENT = "*";
/** Bits of a set that arithmetic on 32 bits keeps positive. */
const PATHS_MAX = 31;

export class MemberPaths {
  /** Set of all paths: where the whole text stands. */
  readonly start: number;
  readonly #steps: readonly MemberStep[][];
  readonly #elements: number[] = [];
  /** Set of the paths that end after so many steps. */
  readonly #ends: number[] = [];

  constructor(paths: readonly MemberPath[]) {
    assert(paths.length <= PATHS_MAX, "at most 31 paths");
    this.start = 2 ** paths.length - 1;
    const depth = Math.max(0, ...paths.map((path) => path.length));
    this.#steps = Array.from({ length: depth }, () => []);
    paths.forEach((path, i) => {
      this.#ends[path.length] = (this.#ends[path.length] ?? 0) | (1 << i);
      path.forEach((step, at) => {
        if (step === EVERY_ELEMENT) this.#elements[at] = (this.#elements[at] ?? 0) | (1 << i);
        else this.#steps[at]?.push({ name: Buffer.from(step), path: 1 << i });
      });
    });
  }

  /**
   * Paths that lead on into a member of an object that is `depth` steps down. The name is UTF-8.
   */
  member(paths: number, depth: number, name: Uint8Array): number {
    if (paths === 0) return 0;
    let next = 0;
    for (const step of this.#steps[depth] ?? []) {
      if ((paths & step.path) !== 0 && step.name.equals(name)) next |= step.path;
    }
    return next;
  }

  /** Paths that lead on into the elements of a list that is `depth` steps down. */
  element(paths: number, depth: number): number {
    return paths & (this.#elements[depth] ?? 0);
  }

  /** Whether one of the paths ends at a value that is `depth` steps down. */
  isEnd(paths: number, depth: number): boolean {
    return (paths & (this.#ends[depth] ?? 0)) !== 0;
  }
}

interface MemberStep {
  readonly name: Buffer;
  readonly path: number;
}
