/** What a node with a bad disk may say, and what holds of a step that it failed. */
import { isInsulaError } from "../../src/base/errors.ts";
import type { Engine } from "../../src/engine/api.ts";
import type { PlainWorld } from "../model/world.ts";
import { findWorld } from "./judge.ts";
import { withEmptyTenants, type Step } from "./trace.ts";

/** An error that a caller of a node with a bad disk may be given. */
const HONEST_CODES = ["io_failed", "disk_full", "log_poisoned"];

export interface StepsSoFar {
  /** What readers see. */
  readonly world: PlainWorld;
  /** What the disk may hold. */
  readonly worlds: readonly PlainWorld[];
}

/**
 * A step that fails may be done or not; what a reader sees of it then must stay. What he does not
 * see may still come to light at the next start, but not after a later write was acknowledged: that
 * one stands on a log whose end is known.
 *
 * @returns no world when nothing can be read any more.
 */
export async function takeStep(
  engine: Engine,
  next: Step,
  { world, worlds }: StepsSoFar,
): Promise<{ readonly world: PlainWorld | undefined; readonly worlds: readonly PlainWorld[] }> {
  try {
    await next.run(engine);
    // A step that changes nothing says nothing about an earlier one.
    return { world: next.after, worlds: next.after === world ? worlds : [next.after] };
  } catch (error) {
    expectHonest(error);
    const between = withEmptyTenants(world, next.after);
    const seen = await findSeen(engine, [world, next.after, between]);
    if (seen === undefined) return { world: undefined, worlds: [...worlds, next.after, between] };
    return { world: seen, worlds: seen === world ? [...worlds, next.after, between] : [seen] };
  }
}

/** What a reader of the wounded engine sees; undefined when he is told that he cannot be. */
async function findSeen(
  engine: Engine,
  worlds: readonly PlainWorld[],
): Promise<PlainWorld | undefined> {
  try {
    return await findWorld(engine, worlds);
  } catch (error) {
    if (isInsulaError(error)) expectHonest(error);
    else throw error;
    return undefined;
  }
}

export function expectHonest(error: unknown): void {
  if (!isInsulaError(error) || !HONEST_CODES.includes(error.code)) {
    throw new Error("an error that tells the truth about the disk", { cause: error });
  }
}
