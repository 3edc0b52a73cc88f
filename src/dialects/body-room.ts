/**
 * Room for bodies, from the first byte that is read to the answer. Long ones of one key wait on
 * their connections, so that it cannot fill the process. What is read stays bytes until it is its
 * turn to be unpacked: what a collector of garbage looks at grows with what is unpacked at once,
 * and everybody waits for that.
 */
import { NamedGates } from "../base/named-gates.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import type { HttpRequest } from "../wire/index.ts";

/** Long bodies of one key under way at once, bytes; a longer one goes alone. */
export const KEY_BODY_BYTES_MAX = 33_554_432;
/** Shorter bodies are not counted: they never wait behind long ones of their key. */
export const LONG_BODY_BYTES_MIN = 262_144;
/**
 * Bytes of text, of bodies and of answers, that searches and reads of one place have unpacked at
 * once, and so many that its writes have, from the
 * parsing of their bodies to their answers; each counts as half of it at most, so that two of any
 * length go together. Source: enough to keep the control thread, a worker and the disk busy. With
 * 64 filters of a thousand terms at once a collection of garbage took three times as long.
 */
export const PLACE_UNPACKED_BYTES_MAX = 262_144;
/** Less is unpacked at once, whoever sends it. */
export const UNPACKED_BYTES_MIN = 8_192;

export class BodyRoom {
  /** Of keys with long bodies under way or waiting. */
  readonly #bodies = new NamedGates(KEY_BODY_BYTES_MAX);
  /** Of places with calls that are unpacked or wait for it: no search waits for writes. */
  readonly #unpacked = {
    query: new NamedGates(PLACE_UNPACKED_BYTES_MAX),
    write: new NamedGates(PLACE_UNPACKED_BYTES_MAX),
  };

  /** Keys and places that are remembered. */
  get nameCount(): number {
    return this.#bodies.count + this.#unpacked.query.count + this.#unpacked.write.count;
  }

  /** Room for one request of the key. @param signal of the request: nobody waits any more. */
  hold(key: string, signal: AbortSignal): BodyHold {
    return new BodyHold({ key, signal, bodies: this.#bodies, unpacked: this.#unpacked });
  }
}

/** Where a request of a key holds room. */
interface HeldIn {
  readonly key: string;
  readonly signal: AbortSignal;
  readonly bodies: NamedGates;
  readonly unpacked: Readonly<Record<"query" | "write", NamedGates>>;
}

/** What one request holds, from before its body is read until its answer. */
export class BodyHold {
  readonly #in: HeldIn;
  readonly #leaves: (() => void)[] = [];
  #isCounted = false;
  #isUnpacked = false;
  #hasLeft = false;

  constructor(heldIn: HeldIn) {
    this.#in = heldIn;
  }

  /** Waits for room for the body; once for a request. @throws the reason of the signal. */
  async enter(
    request: Pick<HttpRequest, "headers" | "httpVersion">,
    bytesMax: number,
  ): Promise<void> {
    const bytes = announcedBytes(request, bytesMax);
    if (bytes < LONG_BODY_BYTES_MIN || this.#isCounted) return;
    this.#isCounted = true;
    await this.#wait(this.#in.bodies.enter(this.#in.key, bytes));
  }

  /**
   * Waits until the call may be unpacked, beside others of its place; once for a request.
   *
   * @param place as a flow: one whose calls wait for one another anyway. Never a key: it may speak
   *   for many tenants, and whoever waits for one of them would hold up all.
   * @param bytes of its body without the numbers, or of the answer it asks for.
   * @throws the reason of the signal.
   */
  async unpack(kind: "query" | "write", place: string, bytes: number): Promise<void> {
    if (bytes < UNPACKED_BYTES_MIN || this.#isUnpacked) return;
    this.#isUnpacked = true;
    const weight = Math.min(bytes, PLACE_UNPACKED_BYTES_MAX / 2);
    await this.#wait(this.#in.unpacked[kind].enter(place, weight));
  }

  /** To be called when the request has its answer, whether or not it entered. */
  leave(): void {
    this.#hasLeft = true;
    for (const leave of this.#leaves.splice(0).reverse()) leave();
  }

  async #wait(entering: Promise<() => void>): Promise<void> {
    const entered = entering.then((leave) => {
      // Its caller may not have waited so long.
      if (this.#hasLeft) leave();
      else this.#leaves.push(leave);
    });
    await unlessAborted(this.#in.signal, entered);
  }
}

/** Bytes of the body; where nobody says how many, as many as the call takes. */
function announcedBytes(
  { headers, httpVersion }: Pick<HttpRequest, "headers" | "httpVersion">,
  bytesMax: number,
): number {
  const length = headers["content-length"];
  if (length !== undefined) return Math.min(Number(length), bytesMax);
  return httpVersion !== "2" && headers["transfer-encoding"] === undefined ? 0 : bytesMax;
}
