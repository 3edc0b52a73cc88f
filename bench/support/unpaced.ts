/** A pace that has room for everything: what is measured gives nothing back. */
import { Pace, SLICE_STEPS } from "../../src/base/pace.ts";

class Unpaced extends Pace {
  override get left(): number {
    return SLICE_STEPS;
  }

  override fits(): boolean {
    return true;
  }
}

export const UNPACED: Pace = new Unpaced(() => Promise.resolve());
