/**
 * Decides whether a history of concurrent calls could have happened one call at a time: an order is
 * searched that keeps every answer true and every call between its beginning and its end.
 *
 * Source: Wing and Gong, "Testing and Verifying Concurrent Objects", 1993, with the memory of
 * states already tried of Lowe, "Testing for Linearizability", 2017. Histories are partitioned by
 * the caller: one object (here a tenant) at a time, since linearizability is local.
 */

export interface HistoryCall<Call> {
  readonly client: number;
  readonly call: Call;
  /** Numbers of events: any order that respects what was before what. */
  readonly beganAt: number;
  /** Undefined: never answered, or told that the outcome is unknown. May be done late or never. */
  readonly end: { readonly at: number; readonly answer: string } | undefined;
}

/** What a call does when it runs alone. */
export interface HistoryModel<State, Call> {
  readonly initial: State;
  run(
    state: State,
    call: Call,
  ): {
    readonly after: State;
    /** More than one where the promise leaves it open. */
    readonly answers: readonly string[];
  };
  /** Equal for equal states only. */
  print(state: State): string;
}

export type Verdict<Call> =
  | { readonly kind: "possible"; readonly tries: number }
  /** No order explains it; `stuck` are calls of which none can be next after the longest order. */
  | {
      readonly kind: "impossible";
      readonly tries: number;
      readonly state: string;
      readonly stuck: readonly HistoryCall<Call>[];
    }
  /** Too many orders. */
  | { readonly kind: "undecided"; readonly tries: number };

/** Calls tried before the search gives up. */
const TRIES_MAX = 2_000_000;

interface Level<State> {
  readonly state: State;
  /** Call that led here; -1 at the start. */
  readonly taken: number;
  readonly candidates: readonly number[];
  next: number;
}

/**
 * Orders without any unanswered call are tried first, then those with few: most were never done,
 * and each that may have been doubles the orders.
 *
 * Cost: linear for a history with a short overlap, exponential at worst in calls that overlap.
 */
export function judgeHistory<State, Call>(
  calls: readonly HistoryCall<Call>[],
  model: HistoryModel<State, Call>,
  triesMax: number = TRIES_MAX,
): Verdict<Call> {
  const openTotal = calls.filter(({ end }) => end === undefined).length;
  let tries = 0;
  for (let openMax = 0; ; openMax = Math.min(openTotal, openMax * 2 + 1)) {
    const verdict = searchOrder(new Search(calls, openMax), model, triesMax - tries);
    tries += verdict.tries;
    if (verdict.kind !== "impossible" || openMax === openTotal) return { ...verdict, tries };
  }
}

function searchOrder<State, Call>(
  search: Search<Call>,
  model: HistoryModel<State, Call>,
  triesMax: number,
): Verdict<Call> {
  const seen = new Set<string>();
  const stack: Level<State>[] = [];
  let deepest = { count: -1, state: model.initial, stuck: [] as readonly number[] };
  const enter = (state: State, taken: number): void => {
    const candidates = search.candidates();
    if (search.answeredCount > deepest.count) {
      deepest = { count: search.answeredCount, state, stuck: candidates };
    }
    stack.push({ state, taken, candidates, next: 0 });
  };
  enter(model.initial, -1);
  for (let tries = 0; ;) {
    const level = stack.at(-1);
    if (level === undefined) {
      const stuck = deepest.stuck.map((at) => search.call(at));
      return { kind: "impossible", tries, state: model.print(deepest.state), stuck };
    }
    if (search.isComplete) return { kind: "possible", tries };
    const at = level.candidates[level.next++];
    if (at === undefined) {
      stack.pop();
      if (level.taken >= 0) search.release(level.taken);
      continue;
    }
    if (++tries > triesMax) return { kind: "undecided", tries };
    const { call, end } = search.call(at);
    const { after, answers } = model.run(level.state, call);
    if (end !== undefined && !answers.includes(end.answer)) continue;
    search.take(at);
    const mark = `${search.print()} ${model.print(after)}`;
    if (seen.has(mark)) search.release(at);
    else {
      seen.add(mark);
      enter(after, at);
    }
  }
}

/** Which calls have their place in the order so far. */
class Search<Call> {
  /** Answered calls by their beginning, then those without an answer. */
  readonly #calls: readonly HistoryCall<Call>[];
  readonly #answeredTotal: number;
  readonly #isTaken: boolean[];
  /** Unanswered calls that may still be taken. */
  #openLeft: number;
  /** Lowest answered call that is not taken. */
  #first = 0;
  answeredCount = 0;

  /** @param openMax how many of the unanswered calls may have been done. */
  constructor(calls: readonly HistoryCall<Call>[], openMax: number) {
    this.#openLeft = openMax;
    const byBeginning = [...calls].sort((a, b) => a.beganAt - b.beganAt);
    const answered = byBeginning.filter(({ end }) => end !== undefined);
    const open = byBeginning.filter(({ end }) => end === undefined);
    this.#calls = [...answered, ...open];
    this.#answeredTotal = answered.length;
    this.#isTaken = this.#calls.map(() => false);
  }

  get isComplete(): boolean {
    return this.answeredCount === this.#answeredTotal;
  }

  call(at: number): HistoryCall<Call> {
    const call = this.#calls[at];
    if (call === undefined) throw new Error("a call of the history");
    return call;
  }

  take(at: number): void {
    this.#isTaken[at] = true;
    if (at < this.#answeredTotal) this.answeredCount++;
    else this.#openLeft--;
    while (this.#isTaken[this.#first] === true && this.#first < this.#answeredTotal) this.#first++;
  }

  release(at: number): void {
    this.#isTaken[at] = false;
    if (at >= this.#answeredTotal) {
      this.#openLeft++;
      return;
    }
    this.answeredCount--;
    this.#first = Math.min(this.#first, at);
  }

  /**
   * Calls that may be next: none that is not taken ended before they began. Those that ended first
   * come first; unanswered ones last, so that they are used only when something shows them.
   */
  candidates(): readonly number[] {
    let endMin = Infinity;
    const found: number[] = [];
    for (let at = this.#first; at < this.#answeredTotal; at++) {
      const { beganAt, end } = this.call(at);
      if (beganAt > endMin) break;
      if (this.#isTaken[at] === true) continue;
      found.push(at);
      endMin = Math.min(endMin, end?.at ?? Infinity);
    }
    const endOf = (at: number): number => this.call(at).end?.at ?? Infinity;
    found.sort((a, b) => endOf(a) - endOf(b));
    for (let at = this.#answeredTotal; at < this.#calls.length && this.#openLeft > 0; at++) {
      if (this.#isTaken[at] !== true && this.call(at).beganAt < endMin) found.push(at);
    }
    return found.filter((at) => this.call(at).beganAt < endMin);
  }

  /** Equal for equal sets of taken calls only. */
  print(): string {
    let text = `${String(this.#first)}:`;
    // Nothing beyond the overlap of the first one is taken.
    for (let at = this.#first; at < this.#answeredTotal; at++) {
      if (this.#isTaken[at] === true) text += `${String(at)},`;
      else if (this.call(at).beganAt > (this.call(this.#first).end?.at ?? Infinity)) break;
    }
    for (let at = this.#answeredTotal; at < this.#calls.length; at++) {
      if (this.#isTaken[at] === true) text += `${String(at)},`;
    }
    return text;
  }
}
