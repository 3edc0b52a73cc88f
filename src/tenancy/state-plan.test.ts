import { describe, expect, it } from "vitest";
import type { RequestedState, TenantState } from "../model/index.ts";
import { needsStore, planStates } from "./state-plan.ts";

const STATES: readonly TenantState[] = [
  "ACTIVE",
  "INACTIVE",
  "OFFLOADED",
  "OFFLOADING",
  "ONLOADING",
];
const GOALS: readonly RequestedState[] = ["ACTIVE", "INACTIVE", "OFFLOADED"];
const PAIRS = STATES.flatMap((from) => GOALS.map((to) => [from, to] as const));
/** Where the bytes of a tenant are complete and looked after. */
const HERE: readonly TenantState[] = ["ACTIVE", "INACTIVE", "OFFLOADING"];

function textOf(from: TenantState, to: RequestedState): string {
  return planStates(from, to)
    .map((step) => (step.kind === "commit" ? step.state : step.kind))
    .join(" ");
}

describe("the table of states", () => {
  it.each([
    ["ACTIVE", "ACTIVE", ""],
    ["ACTIVE", "INACTIVE", "INACTIVE"],
    ["ACTIVE", "OFFLOADED", "OFFLOADING upload OFFLOADED drop-local"],
    ["INACTIVE", "ACTIVE", "ACTIVE"],
    ["INACTIVE", "INACTIVE", ""],
    ["INACTIVE", "OFFLOADED", "OFFLOADING upload OFFLOADED drop-local"],
    ["OFFLOADED", "ACTIVE", "ONLOADING download ACTIVE drop-remote"],
    ["OFFLOADED", "INACTIVE", "ONLOADING download INACTIVE drop-remote"],
    ["OFFLOADED", "OFFLOADED", ""],
    ["OFFLOADING", "ACTIVE", "ACTIVE"],
    ["OFFLOADING", "INACTIVE", "INACTIVE"],
    ["OFFLOADING", "OFFLOADED", "upload OFFLOADED drop-local"],
    ["ONLOADING", "ACTIVE", "ONLOADING download ACTIVE drop-remote"],
    ["ONLOADING", "INACTIVE", "ONLOADING download INACTIVE drop-remote"],
    ["ONLOADING", "OFFLOADED", "OFFLOADED drop-local"],
  ] as const)("%s asked to be %s: %s", (from, to, steps) => {
    expect(textOf(from, to)).toBe(steps);
  });

  it.each(PAIRS)("%s asked to be %s ends there, and a crash on the way does, too", (from, to) => {
    const plan = planStates(from, to);
    let state = from;
    for (const step of plan) {
      if (step.kind === "commit") state = step.state;
      // Asked again after a crash here: the plan of the state on disk leads to the same end.
      const again = planStates(state, to).filter(({ kind }) => kind === "commit");
      const last = again.at(-1);
      expect(last === undefined ? state : last.kind === "commit" && last.state).toBe(to);
    }
    expect(state).toBe(to);
  });

  it.each(PAIRS)("%s to %s: no bytes go before the frame that needs them no more", (from, to) => {
    let state = from;
    for (const step of planStates(from, to)) {
      if (step.kind === "commit") {
        // From here to there only behind a finished upload, and back behind a download.
        state = step.state;
      } else if (step.kind === "drop-local") expect(state).toBe("OFFLOADED");
      else if (step.kind === "drop-remote") expect(HERE).toContain(state);
      else if (step.kind === "upload") expect(state).toBe("OFFLOADING");
      else expect(state).toBe("ONLOADING");
    }
  });

  it("only moves from or to the store need one, and going back before the commit does not", () => {
    const free = PAIRS.filter(([from, to]) => !needsStore(planStates(from, to)));
    expect(free.map(([from, to]) => `${from} ${to}`)).toEqual([
      "ACTIVE ACTIVE",
      "ACTIVE INACTIVE",
      "INACTIVE ACTIVE",
      "INACTIVE INACTIVE",
      "OFFLOADED OFFLOADED",
      "OFFLOADING ACTIVE",
      "OFFLOADING INACTIVE",
    ]);
  });

  it("a state that users do not see behind is committed while nobody uses the shard", () => {
    for (const [from, to] of PAIRS) {
      for (const step of planStates(from, to)) {
        if (step.kind === "commit") expect(step.isQuiet).toBe(step.state !== "ACTIVE");
      }
    }
  });
});
