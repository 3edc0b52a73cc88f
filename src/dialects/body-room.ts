/**
 * Room for bodies, from the first byte that is read to the answer. Long ones of one key wait on
 * their connections, so that it cannot fill the process. What is read stays bytes until it is its
 * turn to be unpacked: what a collector of garbage looks at grows with what is unpacked at once,
 * and everybody waits for that.
 */
import { NamedGates } from "../base/named-gates.ts";
import type { HttpRequest } from "../wire/index.ts";

/** Long bodies of one key under way at once, bytes; a longer one goes alone. */
export const KEY_BODY_BYTES_MAX = 33_554_432;
/** Shorter bodies are not counted: they never wait behind long ones of their key. */
export const LONG_BODY_BYTES_MIN = 262_144;
/**
 * Calls of one flow that are unpacked at once, from the parsing of their bodies to their answers;
 * those with more than {@link HEAVY_BYTES_MIN} count twice. Source: as many as keep the control
 * thread, a worker and the disk busy. With 64 of them, each with a filter of a thousand terms, a
 * collection took three times as long.
 */
export const FLOW_UNPACKED_MAX = 4;
export const HEAVY_BYTES_MIN = 1_048_576;
/** Bodies and answers below are unpacked at once, whoever sends them. */
export const UNPACKED_BYTES_MIN = 8_192;

export class BodyRoom {
  /** Of keys with long bodies under way or waiting. */
  readonly #bodies = new NamedGates(KEY_BODY_BYTES_MAX);
  /** Of flows with calls that are unpacked or wait for it. */
  readonly #unpacked = new NamedGates(FLOW_UNPACKED_MAX);

  /** Keys and flows that are remembered. */
  get nameCount(): number {
    return this.#bodies.count + this.#unpacked.count;
  }

  /** Room for one request of the key. */
  hold(key: string): BodyHold {
    return new BodyHold({ key, bodies: this.#bodies, unpacked: this.#unpacked });
  }
}

/** Where a request of a key holds room. */
interface HeldIn {
  readonly key: string;
  readonly bodies: NamedGates;
  readonly unpacked: NamedGates;
}

/** What one request holds, from before its body is read until its answer. */
export class BodyHold {
  readonly #in: HeldIn;
  #leaveBodies: (() => void) | undefined;
  #leaveUnpacked: (() => void) | undefined;

  constructor(heldIn: HeldIn) {
    this.#in = heldIn;
  }

  /** Waits for room for the body; once for a request. */
  async enter(
    request: Pick<HttpRequest, "headers" | "httpVersion">,
    bytesMax: number,
  ): Promise<void> {
    const bytes = announcedBytes(request, bytesMax);
    if (bytes < LONG_BODY_BYTES_MIN || this.#leaveBodies !== undefined) return;
    this.#leaveBodies = await this.#in.bodies.enter(this.#in.key, bytes);
  }

  /**
   * Waits until the call may be unpacked, beside others of its flow; once for a request.
   *
   * @param bytes of its body, or of the answer it asks for.
   */
  async unpack(flow: string, bytes: number): Promise<void> {
    if (bytes < UNPACKED_BYTES_MIN || this.#leaveUnpacked !== undefined) return;
    const weight = bytes < HEAVY_BYTES_MIN ? 1 : 2;
    this.#leaveUnpacked = await this.#in.unpacked.enter(flow, weight);
  }

  /** To be called once, when the request has its answer, whether or not it entered. */
  leave(): void {
    this.#leaveUnpacked?.();
    this.#leaveBodies?.();
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
