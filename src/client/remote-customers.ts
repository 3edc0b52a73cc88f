/** The calls about one customer over all collections, sent to a server. */
import type {
  CustomerErasure,
  CustomerInfo,
  CustomerPlace,
  CustomerStanding,
  CustomerUsage,
  CustomerUsageRequest,
  Page,
  PageRequest,
} from "../engine/api.ts";
import type { CallOptions, CustomerRecord, CustomerRequests } from "./calls.ts";
import type { HttpChannel, Sent } from "./http-channel.ts";
import { readRecord, type RecordJson } from "./read-answer.ts";
import { customerPath, databasePath, pageQuery } from "./remote-paths.ts";

export class RemoteCustomers implements CustomerRequests {
  readonly #channel: HttpChannel;

  constructor(channel: HttpChannel) {
    this.#channel = channel;
  }

  list(database: string, page: PageRequest, options: CallOptions): Promise<Page<CustomerStanding>> {
    return this.#ask(`${databasePath(database)}/customers${pageQuery(page)}`, {}, options);
  }

  get(place: CustomerPlace, options: CallOptions): Promise<CustomerInfo> {
    return this.#ask(customerPath(place), {}, options);
  }

  suspend(place: CustomerPlace, options: CallOptions): Promise<CustomerInfo> {
    return this.#ask(`${customerPath(place)}/suspend`, POST, options);
  }

  resume(place: CustomerPlace, options: CallOptions): Promise<CustomerInfo> {
    return this.#ask(`${customerPath(place)}/resume`, POST, options);
  }

  erase(place: CustomerPlace, options: CallOptions): Promise<CustomerErasure> {
    return this.#ask(`${customerPath(place)}/erase`, POST, options);
  }

  copy(place: CustomerPlace, name: string, options: CallOptions): Promise<CustomerInfo> {
    const body = JSON.stringify({ name });
    return this.#ask(`${customerPath(place)}/copy`, { ...POST, body }, options);
  }

  usage(
    place: CustomerPlace,
    { period, fromMs, toMs }: CustomerUsageRequest,
    options: CallOptions,
  ): Promise<CustomerUsage> {
    const parameters = new URLSearchParams({ period });
    if (fromMs !== undefined) parameters.set("from", String(fromMs));
    if (toMs !== undefined) parameters.set("to", String(toMs));
    return this.#ask(`${customerPath(place)}/usage?${parameters.toString()}`, {}, options);
  }

  async *stream(
    place: CustomerPlace,
    { signal }: CallOptions,
  ): AsyncGenerator<readonly CustomerRecord[], void, void> {
    const path = `${customerPath(place)}/export`;
    for await (const lines of this.#channel.lines(path, signal === undefined ? {} : { signal })) {
      yield lines.map((line) => {
        const { collection, ...record } = line as RecordJson & { readonly collection: string };
        return { collection, record: readRecord(record) };
      });
    }
  }

  /** The server's answers have the shapes of engine/api.ts. */
  async #ask<Answer>(path: string, sent: Sent, { signal }: CallOptions): Promise<Answer> {
    const asked = signal === undefined ? sent : { ...sent, signal };
    return (await this.#channel.send(path, asked)) as Answer;
  }
}

const POST = { method: "POST" } as const;
