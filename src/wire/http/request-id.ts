/** Numbers requests: 16 random hexadecimal digits of this process, 8 of a counter. */

const COUNTER_LIMIT = 2 ** 32;

export class RequestIds {
  readonly #random: { bytes(count: number): Uint8Array };
  #prefix: string;
  #next: number;

  constructor(random: { bytes(count: number): Uint8Array }) {
    this.#random = random;
    this.#prefix = freshPrefix(random);
    this.#next = 0;
  }

  /** 24 upper-case hexadecimal characters, unique; no secret. */
  next(): string {
    if (this.#next === COUNTER_LIMIT) {
      this.#prefix = freshPrefix(this.#random);
      this.#next = 0;
    }
    const digits = (COUNTER_LIMIT + this.#next++).toString(16).slice(1).toUpperCase();
    return this.#prefix + digits;
  }
}

function freshPrefix(random: { bytes(count: number): Uint8Array }): string {
  return Buffer.from(random.bytes(8)).toString("hex").toUpperCase();
}
