/** Against a plain list of pairs, the one used last at its end. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { LruMap } from "./lru-map.ts";

type Step = readonly ["get" | "set" | "delete" | "clear", number];

const STEPS: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(
    fc.constantFrom<Step[0]>("get", "get", "set", "set", "set", "delete", "clear"),
    fc.nat(6),
  ),
  { maxLength: 60 },
);

it("forgets just what was not asked for the longest, and nothing below its bound", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), STEPS, (countMax, steps) => {
      const map = new LruMap<number, number>(countMax);
      let model: (readonly [number, number])[] = [];
      for (const [n, [call, key]] of steps.entries()) {
        const known = model.find(([other]) => other === key);
        const others = model.filter(([other]) => other !== key);
        if (call === "get") {
          expect(map.get(key)).toBe(known?.[1]);
          if (known !== undefined) model = [...others, known];
        } else if (call === "set") {
          map.set(key, n);
          model = [...others, [key, n] as const].slice(-countMax);
        } else if (call === "delete") {
          map.delete(key);
          model = others;
        } else {
          map.clear();
          model = [];
        }
        expect(map.size).toBe(model.length);
      }
      for (const [key, value] of model) expect(map.get(key)).toBe(value);
    }),
  );
});
