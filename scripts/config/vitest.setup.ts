/** Runs once before all tests: sources load the kernels from beside them. */
import { buildKernels } from "../build-kernels.mjs";

export async function setup(): Promise<void> {
  await buildKernels();
}
