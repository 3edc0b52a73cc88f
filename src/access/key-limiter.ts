/**
 * Calls of keys that have limits: an engine for each of them, whose calls about records are
 * admitted, counted and paid for by the key, by the same buckets as those of places.
 */
import {
  NO_COST,
  Throttle,
  type AskedCost,
  type CallCost,
  type CallPayer,
} from "../base/throttle.ts";
import type { Engine } from "../engine/api.ts";
import type { Clock } from "../io/index.ts";
import type { KeyLimits, Place } from "../model/index.ts";
import type { Principal } from "./access-control.ts";
import { KNOWN_KEYS_MAX } from "./limits.ts";
import { wrapEngine } from "./wrapped-engine.ts";

/** Calls about records: their first argument is a place, or of a search over many the places. */
const CALLS = [
  ...(["upsert", "insert", "update", "updateWhere", "delete", "deleteWhere", "deleteAll"] as const),
  ...(["get", "count", "list", "query", "queryAll", "queryMany", "measureRecall"] as const),
  ...(["keepQuery", "nextHits"] as const),
];

export class KeyLimiter {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #throttle = new Throttle(KNOWN_KEYS_MAX, "for the key");
  /** As long as a key is as it was read. */
  readonly #engines = new WeakMap<Principal, WeakMap<Engine, Engine>>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  engineFor(principal: Principal, engine: Engine): Engine {
    const { keyId, limits } = principal;
    if (limits === undefined) return engine;
    const ofKey = this.#engines.get(principal) ?? new WeakMap<Engine, Engine>();
    this.#engines.set(principal, ofKey);
    const known = ofKey.get(engine);
    if (known !== undefined) return known;
    const limited = wrapEngine(engine, CALLS, (_call, body) => async (...parameters) => {
      const [first, ...others] = parameters as [Place | readonly Place[], ...unknown[]];
      const payer = new KeyCall(this.#throttle, { keyId, limits }, this.#clock);
      const places = "database" in first ? { ...first, payer } : withPayer(first, payer);
      try {
        const result = await body(places, ...others);
        // Of a search over many places the engine tells it place by place.
        if (payer.refusal !== undefined) throw payer.refusal;
        return result;
      } finally {
        payer.end();
      }
    });
    ofKey.set(engine, limited);
    return limited;
  }
}

/** One call of the engine. */
class KeyCall implements CallPayer {
  /** What the key was told. */
  refusal: Error | undefined;
  readonly #throttle: Throttle;
  readonly #id: string;
  readonly #limits: KeyLimits;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #leave: ((cost: CallCost) => void) | undefined;

  constructor(
    throttle: Throttle,
    { keyId, limits }: { readonly keyId: string; readonly limits: KeyLimits },
    clock: Pick<Clock, "monotonicMs">,
  ) {
    this.#throttle = throttle;
    this.#id = keyId;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Refused as a whole or not at all: further places are counted. */
  admit(asked: AskedCost): (cost: CallCost) => void {
    if (this.refusal !== undefined) throw this.refusal;
    if (this.#leave !== undefined) this.#pay({ ...NO_COST, ...asked });
    else {
      try {
        this.#leave = this.#throttle.admit(this.#id, this.#limits, asked, this.#clock);
      } catch (error) {
        if (error instanceof Error) this.refusal = error;
        throw error;
      }
    }
    return (cost) => {
      this.#pay({ ...cost, queriesPerSecond: 0, writesPerSecond: 0 });
    };
  }

  /** The call is no longer under way. */
  end(): void {
    this.#leave?.(NO_COST);
    this.#leave = undefined;
  }

  #pay(cost: CallCost): void {
    this.#throttle.pay(this.#id, this.#limits, cost, this.#clock.monotonicMs());
  }
}

function withPayer(places: readonly Place[], payer: CallPayer): readonly Place[] {
  return places.map((place) => ({ ...place, payer }));
}
