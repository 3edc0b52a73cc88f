/** What a request turns out to be, step by step, until its decision goes to the audit log. */
import { refusalOf, type ActionTarget, type KnownKey, type Principal } from "../access/index.ts";
import { isInsulaError } from "../base/errors.ts";
import type { HttpRequest } from "../wire/index.ts";
import type { DialectContext } from "./dialect.ts";

export class AccessTrail {
  /** Of the dialect's own list. */
  operation = "Unknown";
  #keyId: string | undefined;
  #isCallerKnown = false;
  #targets: ActionTarget[] = [];

  /** A key the request names; its secret is not proven yet. */
  async claim(key: Promise<KnownKey | undefined>): Promise<KnownKey | undefined> {
    const found = await key;
    this.#keyId = found?.principal.keyId;
    return found;
  }

  /** Who asks, proven. */
  identify(principal: Principal): void {
    this.#keyId = principal.keyId;
    this.#isCallerKnown = true;
  }

  /** What is asked for, in place of what was known of it before. */
  aim(target: ActionTarget): void {
    this.#targets = [target];
  }

  /** A further place of the same request. */
  aimAlso(target: ActionTarget): void {
    this.#targets.push(target);
  }

  /**
   * Notes the decisions: of several places asked for, all but the last were allowed. Nothing when
   * the request failed before anybody was asked for.
   */
  end(
    context: Pick<DialectContext, "audit">,
    request: Pick<HttpRequest, "id" | "remoteAddress">,
    error?: unknown,
  ): void {
    const code = refusalOf(error);
    const { audit } = context;
    if (audit === undefined || (code === undefined && !this.#isCallerKnown)) return;
    const targets = this.#targets.length === 0 ? [{}] : this.#targets;
    for (const [i, target] of targets.entries()) {
      audit({
        operation: this.operation,
        requestId: request.id,
        peer: request.remoteAddress,
        keyId: this.#keyId ?? keyOf(error),
        target,
        code: i === targets.length - 1 ? code : undefined,
      });
    }
  }
}

/** A key that is refused for its rate while its secret is looked up. */
function keyOf(error: unknown): string | undefined {
  const keyId = isInsulaError(error) ? error.details["keyId"] : undefined;
  return typeof keyId === "string" ? keyId : undefined;
}
