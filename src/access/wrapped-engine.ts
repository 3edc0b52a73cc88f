/** An engine behind which each named call can be watched. */
import type { Engine } from "../engine/api.ts";

export type EngineCall = keyof Engine & string;
type Body = (...parameters: unknown[]) => Promise<unknown>;

/**
 * @param around  makes the watched call out of the engine's own.
 * @returns       the same engine to whoever calls it; other calls go straight through.
 */
export function wrapEngine(
  engine: Engine,
  calls: readonly EngineCall[],
  around: (call: EngineCall, body: Body) => Body,
): Engine {
  const wrapped = new Map<PropertyKey, Body>();
  for (const call of calls) {
    const own: unknown = Reflect.get(engine, call, engine);
    if (typeof own !== "function") continue;
    const body: Body = (...parameters) =>
      Promise.resolve(Reflect.apply(own, engine, parameters) as unknown);
    wrapped.set(call, around(call, body));
  }
  return new Proxy(engine, {
    get: (target, name) => {
      const own = wrapped.get(name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      // Private members are found on the engine itself, not on what stands before it.
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
