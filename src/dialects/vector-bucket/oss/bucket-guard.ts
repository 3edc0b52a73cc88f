/**
 * Who may use a bucket: the key's grants, the account the bucket belongs to, and the bucket's
 * policy.
 *
 * A caller without a right gets one and the same AccessDenied whether the bucket exists or not;
 * only who would be allowed to use it learns that it is missing.
 */
import { InsulaError } from "../../../base/errors.ts";
import { evaluateBucketPolicy, parseBucketPolicy } from "../../../access/index.ts";
import type { AccessControl, BucketPolicy, Principal } from "../../../access/index.ts";
import type { DatabaseInfo, Engine } from "../../../engine/api.ts";
import { ATTRIBUTES, ownerOf, regionOf } from "./bucket-attributes.ts";
import type { OssOperation } from "./operations.ts";

/** Policies kept parsed, by text; the oldest goes first. */
const POLICIES_MAX = 256;

export interface BucketRequest {
  readonly principal: Principal;
  readonly operation: OssOperation;
  readonly bucket: string;
  /** Of the host; undefined: the account of the key. */
  readonly accountId: string | undefined;
}

/** A bucket that may be used. */
export interface OpenedBucket {
  readonly info: DatabaseInfo;
  /** @throws InsulaError `permission_denied` */
  readonly checkIndex: (index: string) => void;
}

export class BucketGuard {
  readonly #engine: Pick<Engine, "getDatabase">;
  readonly #access: AccessControl;
  readonly #policies = new Map<string, BucketPolicy>();

  constructor(engine: Pick<Engine, "getDatabase">, access: AccessControl) {
    this.#engine = engine;
    this.#access = access;
  }

  /** @throws InsulaError `permission_denied`, `database_not_found` */
  async open(request: BucketRequest): Promise<OpenedBucket> {
    const { principal, bucket } = request;
    const info = await this.#engine.getDatabase(bucket);
    const hasGrant = this.#hasGrant(request);
    const owner = info === undefined ? undefined : this.#ownerOf(info);
    const addressed =
      request.accountId ?? (principal.kind === "admin" ? owner : undefined) ?? principal.accountId;
    if (info === undefined || owner !== addressed) {
      if (hasGrant && principal.accountId === addressed) {
        throw new InsulaError("database_not_found", "Cannot open the bucket: it does not exist.");
      }
      throw denied();
    }
    if (!hasGrant || !this.#mayEnter(request, info)) throw denied();
    return {
      info,
      checkIndex: (index) => {
        if (!this.#mayUse(request, info, index)) throw denied();
      },
    };
  }

  /**
   * For the one operation whose bucket is not there yet. @throws InsulaError `permission_denied`
   */
  checkCreate(request: BucketRequest): void {
    const { principal, accountId } = request;
    const isOwn = accountId === undefined || accountId === principal.accountId;
    if (!isOwn || !this.#hasGrant(request)) throw denied();
  }

  #hasGrant({ principal, operation, bucket }: BucketRequest): boolean {
    return this.#access.isAllowed(principal, `vectors:${operation.name}`, { database: bucket });
  }

  /**
   * The first step, before the body is read. A stranger may go on to an operation on an index when
   * some statement invites them; which index they name is judged when it is known.
   */
  #mayEnter(request: BucketRequest, info: DatabaseInfo): boolean {
    const said = this.#policySays(request, info);
    if (said === "deny") return isRescue(request);
    if (said === "allow" || this.#isOwn(request, info)) return true;
    return request.operation.isAboutIndex && this.#isInvited(request, info);
  }

  #mayUse(request: BucketRequest, info: DatabaseInfo, index: string): boolean {
    const said = this.#policySays(request, info, index);
    return said === "unstated" ? this.#isOwn(request, info) : said === "allow";
  }

  #isOwn({ principal }: BucketRequest, info: DatabaseInfo): boolean {
    return principal.kind === "admin" || principal.accountId === this.#ownerOf(info);
  }

  #isInvited({ principal }: BucketRequest, info: DatabaseInfo): boolean {
    const names = ["*", principal.accountId, principal.keyId];
    const statements = this.#policyOf(info)?.statements ?? [];
    return statements.some(
      ({ effect, principals }) =>
        effect === "allow" && principals.some((name) => names.includes(name)),
    );
  }

  #policySays(
    { principal, operation }: BucketRequest,
    info: DatabaseInfo,
    index?: string,
  ): "allow" | "deny" | "unstated" {
    const policy = this.#policyOf(info);
    if (policy === undefined) return "unstated";
    const resource = {
      region: regionOf(info),
      accountId: this.#ownerOf(info),
      bucket: info.name,
      ...(index === undefined ? {} : { index }),
    };
    const { accountId, keyId } = principal;
    return evaluateBucketPolicy(policy, { operation: operation.name, accountId, keyId, resource });
  }

  #ownerOf(info: DatabaseInfo): string {
    return ownerOf(info, this.#access.accountId);
  }

  #policyOf(info: DatabaseInfo): BucketPolicy | undefined {
    const text = info.attributes[ATTRIBUTES.policy];
    if (text === undefined) return undefined;
    const kept = this.#policies.get(text);
    if (kept !== undefined) return kept;
    const policy = parseBucketPolicy(text);
    const [oldest] = this.#policies.keys();
    if (oldest !== undefined && this.#policies.size >= POLICIES_MAX) this.#policies.delete(oldest);
    this.#policies.set(text, policy);
    return policy;
  }
}

/** The admin key can always take a policy away, else one Deny would lock a bucket for ever. */
function isRescue({ principal, operation }: BucketRequest): boolean {
  return principal.kind === "admin" && operation.verb === "policy";
}

function denied(): InsulaError {
  return new InsulaError("permission_denied", "Cannot use the bucket: the key has no right to.");
}
