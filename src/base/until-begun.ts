/**
 * The signal of work that is done in steps: it follows its caller's until the first of them is
 * done. From then on nobody may be told that nothing was done, whatever else goes wrong.
 */
export class UntilBegun {
  /** Undefined where nobody ever gives up. */
  readonly signal: AbortSignal | undefined;
  readonly #stopFollowing: () => void;

  constructor(followed: AbortSignal | undefined) {
    if (followed === undefined) {
      this.#stopFollowing = (): void => undefined;
      return;
    }
    const own = new AbortController();
    const abort = (): void => {
      own.abort(followed.reason);
    };
    if (followed.aborted) abort();
    else followed.addEventListener("abort", abort, { once: true });
    this.signal = own.signal;
    this.#stopFollowing = (): void => {
      followed.removeEventListener("abort", abort);
    };
  }

  /** The first step is done, or the work is over. */
  begin(): void {
    this.#stopFollowing();
  }
}
