/** Log files that must stay for a while, besides those that tails name. */

export class LogHolds {
  readonly #holds = new Set<(file: number) => boolean>();

  /**
   * @param isNeeded asked with the number of a finished file that is about to be removed.
   * @returns ends the hold.
   */
  hold(isNeeded: (file: number) => boolean): () => void {
    const own = (file: number): boolean => isNeeded(file);
    this.#holds.add(own);
    return () => {
      this.#holds.delete(own);
    };
  }

  isHeld(file: number): boolean {
    for (const isNeeded of this.#holds) if (isNeeded(file)) return true;
    return false;
  }
}
