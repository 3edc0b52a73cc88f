/** What came of tenants that a policy found due, by which of its times they were. */

/** A time of a policy, by its name there. */
export type SweepCause = "inactiveAfter" | "offloadAfter";

export interface CauseFigures {
  /** Tenants that have the state now. */
  readonly changed: number;
  readonly failed: number;
  /** Due, but pinned, at each look. */
  readonly pinned: number;
  /** Due, but kept by a warm schedule, at each look. */
  readonly keptWarm: number;
}

export type SweepCauses = Readonly<Record<SweepCause, CauseFigures>>;

const NOTHING: CauseFigures = { changed: 0, failed: 0, pinned: 0, keptWarm: 0 };

/** Which time of a policy puts a tenant into this state. */
export function causeOf(to: "INACTIVE" | "OFFLOADED"): SweepCause {
  return to === "INACTIVE" ? "inactiveAfter" : "offloadAfter";
}

export class SweepTally {
  #causes: SweepCauses = { inactiveAfter: NOTHING, offloadAfter: NOTHING };

  get causes(): SweepCauses {
    return this.#causes;
  }

  count(to: "INACTIVE" | "OFFLOADED", outcome: keyof CauseFigures): void {
    const cause = causeOf(to);
    const before = this.#causes[cause];
    this.#causes = { ...this.#causes, [cause]: { ...before, [outcome]: before[outcome] + 1 } };
  }
}
