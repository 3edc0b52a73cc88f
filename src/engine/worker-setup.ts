import type { WasmModule } from "../math/index.ts";

/** First broadcast to every worker. */
export const SETUP_TOPIC = "engine/setup";

export interface WorkerSetup {
  /** Absolute path of the data folder. */
  readonly root: string;
  readonly kernelModule: WasmModule;
}
