/** A shared memory as words and as numbers, looked at anew only after it has grown. */
import type { SharedMemory } from "./wasm.ts";

/**
 * Making a view for each few words costs more than reading them. Positions count elements of four
 * bytes, not bytes.
 */
export class WordViews {
  readonly #memory: SharedMemory;
  #buffer: ArrayBufferLike | undefined;
  #words: Uint32Array = new Uint32Array(0);
  #floats: Float32Array = new Float32Array(0);

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  /** Of as much as there is now; not to be kept. */
  get words(): Uint32Array {
    this.#lookAgain();
    return this.#words;
  }

  /** The same bytes as float32. */
  get floats(): Float32Array {
    this.#lookAgain();
    return this.#floats;
  }

  #lookAgain(): void {
    // A shared memory that has grown has another buffer over the same bytes.
    const { buffer } = this.#memory;
    if (buffer === this.#buffer) return;
    this.#buffer = buffer;
    this.#words = new Uint32Array(buffer);
    this.#floats = new Float32Array(buffer);
  }
}
