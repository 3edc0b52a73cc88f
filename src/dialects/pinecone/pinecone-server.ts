/** What all requests of this dialect share, and how a caller is known. */
import type { Principal } from "../../access/index.ts";
import { InsulaError, isInsulaError, type ErrorKind } from "../../base/errors.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { AccessTrail } from "../access-trail.ts";
import { BodyRoom } from "../body-room.ts";
import { contextOf } from "../caller-context.ts";
import type { BodyTurns, DialectContext, PineconeSettings } from "../dialect.ts";
import { lazyPageTokens, type PageTokens } from "../page-token.ts";
import type { Caller } from "./caller.ts";
import { BackupDesk } from "./control/backups/desk.ts";
import type { Address } from "./hosts.ts";
import { IndexPorts } from "./index-ports.ts";

/** Where a request came from, for the audit log. */
export interface Origin {
  readonly id: string;
  readonly remoteAddress: string;
}

/** What is so unless the configuration says otherwise. */
const SETTINGS_DEFAULT: PineconeSettings = {
  project: "pinecone",
  readUnits: "size",
  indexHosts: "path",
  domain: "",
  hostScheme: "auto",
};

export type OperationServer = Pick<PineconeServer, "context" | "settings" | "pageTokens">;

export class PineconeServer {
  readonly context: DialectContext;
  readonly settings: PineconeSettings;
  readonly pageTokens: () => Promise<PageTokens>;
  /** Absent: indexes have no ports of their own. */
  readonly indexPorts: IndexPorts | undefined;
  /** Held while an index's attributes are read, changed and written. */
  readonly indexLocks: KeyedLock = new KeyedLock();
  readonly desk: BackupDesk;
  /** For long bodies, by key. */
  readonly room: BodyRoom = new BodyRoom();

  constructor(context: DialectContext) {
    this.context = context;
    this.settings = context.settings.pinecone ?? SETTINGS_DEFAULT;
    const { ports } = this.settings;
    this.indexPorts = ports === undefined ? undefined : new IndexPorts(context.engine, ports);
    this.pageTokens = lazyPageTokens("pinecone", context);
    this.desk = new BackupDesk(context);
  }

  /**
   * Finds the key. Counts one request of it.
   *
   * @param apiKey as the client sent it: the admin secret, or `<key id>.<secret>`.
   * @throws InsulaError `credentials_missing`, `credentials_unknown`, `rate_exceeded`
   */
  async identify(
    apiKey: string | undefined,
    { trail, signal }: Pick<Caller, "trail" | "signal">,
  ): Promise<Caller> {
    if (apiKey === undefined || apiKey === "") {
      throw new InsulaError("credentials_missing", "Cannot answer: no API key was given.");
    }
    const principal = await this.context.access.findToken(apiKey);
    if (principal === undefined) {
      throw new InsulaError("credentials_unknown", "Cannot answer: the API key fits no key.");
    }
    trail.identify(principal);
    return { principal, project: this.#projectOf(principal), trail, signal };
  }

  /** For bodies about an index: which namespace they mean is told inside. */
  turnsOf(
    { principal, project, signal }: Pick<Caller, "principal" | "project" | "signal">,
    index: string,
    kind: "query" | "write",
  ): BodyTurns | undefined {
    const flow = [project, index, principal.keyId].join("\n");
    return this.context.turnsOf?.({ flow, kind, signal });
  }

  /** What an operation works with for this caller: its key may have limits of its own. */
  heldTo(principal: Principal): OperationServer {
    const { settings, pageTokens } = this;
    return { settings, pageTokens, context: contextOf(this.context, principal) };
  }

  /**
   * The index that an address names, or whose port it is; undefined: neither.
   *
   * @throws InsulaError `collection_not_found` for a port of nobody's, and of another project's.
   */
  async indexAt(
    { index, port }: Address,
    { project }: Pick<Caller, "project">,
  ): Promise<string | undefined> {
    if (index !== undefined || port === undefined) return index;
    const owner = await this.indexPorts?.ownerOf(port);
    if (owner?.project === project) return owner.name;
    throw new InsulaError("collection_not_found", "Resource not found: no index has this port");
  }

  /** Does one request and notes how it ended, for metrics and the audit log. */
  async observe<Result>(
    origin: Origin,
    work: (trail: AccessTrail) => Promise<Result>,
  ): Promise<Result> {
    const { context } = this;
    const startMs = context.clock.monotonicMs();
    const trail = new AccessTrail();
    let outcome: "ok" | ErrorKind = "ok";
    try {
      const result = await work(trail);
      trail.end(context, origin);
      return result;
    } catch (error) {
      outcome = isInsulaError(error) ? error.kind : "internal";
      trail.end(context, origin, error);
      throw error;
    } finally {
      context.observe(trail.operation, outcome, context.clock.monotonicMs() - startMs);
    }
  }

  /** The one database a key speaks of by its full name; else that of the configuration. */
  #projectOf({ grants }: Principal): string {
    const named = new Set(grants.flatMap(({ databases }) => databases));
    const [only] = named;
    if (only === undefined || named.size > 1 || only.includes("*")) return this.settings.project;
    return only;
  }
}
