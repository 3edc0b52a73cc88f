/**
 * Who may use a bucket: the key's grants, the account the bucket belongs to, and the bucket's
 * policies. The same for both vendors, whoever's client set a policy.
 *
 * A caller without a right gets one and the same refusal whether the bucket exists or not; only
 * who would be allowed to use it learns that it is missing.
 */
import { InsulaError } from "../../base/errors.ts";
import {
  evaluateBucketPolicy,
  isAboutPrincipal,
  parseAwsBucketPolicy,
  parseBucketPolicy,
} from "../../access/index.ts";
import type { AccessControl, BucketPolicy, Principal } from "../../access/index.ts";
import type { DatabaseInfo, Engine } from "../../engine/api.ts";
import type { AccessTrail } from "../access-trail.ts";
import { ATTRIBUTES, ownerOf, regionOf } from "./bucket-attributes.ts";
import type { BucketOperation } from "./bucket-operation.ts";

/** Policies kept parsed, by text; the oldest goes first. */
const POLICIES_MAX = 256;

const GRAMMARS = [
  { attribute: ATTRIBUTES.ossPolicy, parse: parseBucketPolicy },
  { attribute: ATTRIBUTES.s3Policy, parse: parseAwsBucketPolicy },
] as const;

export interface BucketRequest {
  readonly principal: Principal;
  readonly operation: BucketOperation;
  readonly bucket: string;
  /** Of the address; undefined: the account of the key. */
  readonly accountId: string | undefined;
}

/** A bucket that may be used. */
export interface OpenedBucket {
  readonly info: DatabaseInfo;
  /**
   * @param also  another operation the request needs the right to; default: its own.
   * @throws InsulaError `permission_denied`
   */
  readonly checkIndex: (index: string, also?: BucketOperation) => void;
}

/** What the operations ask before they look at anything. */
export interface BucketDoor {
  /** @throws InsulaError `permission_denied`, `database_not_found` */
  open(request: BucketRequest): Promise<OpenedBucket>;
  /**
   * For the one operation whose bucket is not there yet. @throws InsulaError `permission_denied`
   */
  checkCreate(request: BucketRequest): void;
}

type Verdict = "allow" | "deny" | "unstated";

export class BucketGuard implements BucketDoor {
  readonly #engine: Pick<Engine, "getDatabase">;
  readonly #access: AccessControl;
  readonly #policies = new Map<string, BucketPolicy>();

  constructor(engine: Pick<Engine, "getDatabase">, access: AccessControl) {
    this.#engine = engine;
    this.#access = access;
  }

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
      checkIndex: (index, also) => {
        const asked = also === undefined ? request : { ...request, operation: also };
        if (!this.#hasGrant(asked, index)) throw denied();
        if (!this.#mayUse(asked, info, index)) throw denied();
      },
    };
  }

  /** The same door, which notes what it is asked about. */
  noting(trail: AccessTrail): BucketDoor {
    return {
      open: async (request) => {
        const database = request.bucket;
        trail.aim({ database });
        const opened = await this.open(request);
        return {
          ...opened,
          checkIndex: (index, also) => {
            trail.aim({ database, collection: index });
            opened.checkIndex(index, also);
          },
        };
      },
      checkCreate: (request) => {
        trail.aim({ database: request.bucket });
        this.checkCreate(request);
      },
    };
  }

  checkCreate(request: BucketRequest): void {
    const { principal, accountId } = request;
    const isOwn = accountId === undefined || accountId === principal.accountId;
    if (!isOwn || !this.#hasGrant(request)) throw denied();
  }

  /**
   * A grant may use either vendor's name of the operation. Before the index is known, a grant on
   * any index of the bucket lets a request about an index go on.
   */
  #hasGrant({ principal, operation, bucket }: BucketRequest, index?: string): boolean {
    const isGranted = (name: string): boolean => {
      const action = `vectors:${name}`;
      if (index !== undefined) {
        return this.#access.isAllowed(principal, action, { database: bucket, collection: index });
      }
      return operation.isAboutIndex
        ? this.#access.isAllowedWithin(principal, action, { database: bucket })
        : this.#access.isAllowed(principal, action, { database: bucket });
    };
    return (
      isGranted(operation.oss) || (operation.aws !== operation.oss && isGranted(operation.aws))
    );
  }

  /**
   * The first step, before the index is known. A stranger may go on to an operation on an index
   * when some statement invites them; which index they name is judged when it is known.
   */
  #mayEnter(request: BucketRequest, info: DatabaseInfo): boolean {
    const said = this.#policiesSay(request, info);
    if (said === "deny") return isRescue(request);
    if (said === "allow" || this.#isOwn(request, info)) return true;
    return request.operation.isAboutIndex && this.#isInvited(request, info);
  }

  #mayUse(request: BucketRequest, info: DatabaseInfo, index: string): boolean {
    const said = this.#policiesSay(request, info, index);
    return said === "unstated" ? this.#isOwn(request, info) : said === "allow";
  }

  #isOwn({ principal }: BucketRequest, info: DatabaseInfo): boolean {
    return principal.kind === "admin" || principal.accountId === this.#ownerOf(info);
  }

  #isInvited({ principal }: BucketRequest, info: DatabaseInfo): boolean {
    return this.#policiesOf(info).some(({ statements }) =>
      statements.some(
        ({ effect, principals }) => effect === "allow" && isAboutPrincipal(principals, principal),
      ),
    );
  }

  /** All policies of a bucket together: a deny of one wins over any allow of the other. */
  #policiesSay(request: BucketRequest, info: DatabaseInfo, index?: string): Verdict {
    const { accountId, keyId } = request.principal;
    const place = {
      accountId: this.#ownerOf(info),
      bucket: info.name,
      ...(index === undefined ? {} : { index }),
    };
    let result: Verdict = "unstated";
    for (const policy of this.#policiesOf(info)) {
      const operation = request.operation[policy.grammar];
      const resource = { ...place, region: regionOf(info, policy.grammar) };
      const said = evaluateBucketPolicy(policy, { operation, accountId, keyId, resource });
      if (said === "deny") return said;
      if (said === "allow") result = said;
    }
    return result;
  }

  #ownerOf(info: DatabaseInfo): string {
    return ownerOf(info, this.#access.accountId);
  }

  #policiesOf(info: DatabaseInfo): readonly BucketPolicy[] {
    const policies: BucketPolicy[] = [];
    for (const { attribute, parse } of GRAMMARS) {
      const text = info.attributes[attribute];
      if (text !== undefined)
        policies.push(this.#parsed(`${attribute} ${text}`, () => parse(text)));
    }
    return policies;
  }

  #parsed(name: string, parse: () => BucketPolicy): BucketPolicy {
    const kept = this.#policies.get(name);
    if (kept !== undefined) return kept;
    const policy = parse();
    const [oldest] = this.#policies.keys();
    if (oldest !== undefined && this.#policies.size >= POLICIES_MAX) this.#policies.delete(oldest);
    this.#policies.set(name, policy);
    return policy;
  }
}

/** The admin key can always take a policy away, else one Deny would lock a bucket for ever. */
function isRescue({ principal, operation }: BucketRequest): boolean {
  return principal.kind === "admin" && operation.isAboutPolicy;
}

function denied(): InsulaError {
  return new InsulaError("permission_denied", "Cannot use the bucket: the key has no right to.");
}
