/** One customer over all collections of a database, over plain calls. */
import type { CustomerErasure, CustomerInfo, CustomerPlace, CustomerUsage } from "../engine/api.ts";
import type { Metadata } from "../model/index.ts";
import { abortable } from "./abort.ts";
import type { CallOptions, Calls } from "./calls.ts";
import type {
  Customer,
  CustomerRecords,
  CustomerUsageOptions,
  ScanOptions,
  StoredRecord,
} from "./insula.ts";
import { isInsulaError } from "../base/errors.ts";
import { RecordsHandle, toStored } from "./records-handle.ts";

export class CustomerHandle implements Customer {
  readonly place: CustomerPlace;
  readonly #calls: Calls;

  constructor(calls: Calls, place: CustomerPlace) {
    this.#calls = calls;
    this.place = place;
  }

  get(options: CallOptions = {}): Promise<CustomerInfo> {
    return abortable(options.signal, () => this.#calls.customers.get(this.place, options));
  }

  suspend(options: CallOptions = {}): Promise<CustomerInfo> {
    return abortable(options.signal, () => this.#calls.customers.suspend(this.place, options));
  }

  resume(options: CallOptions = {}): Promise<CustomerInfo> {
    return abortable(options.signal, () => this.#calls.customers.resume(this.place, options));
  }

  erase(options: CallOptions = {}): Promise<CustomerErasure> {
    return abortable(options.signal, () => this.#calls.customers.erase(this.place, options));
  }

  copy(name: string, options: CallOptions = {}): Promise<CustomerInfo> {
    return abortable(options.signal, () => this.#calls.customers.copy(this.place, name, options));
  }

  usage({ signal, period = "day", ...times }: CustomerUsageOptions = {}): Promise<CustomerUsage> {
    const options = signal === undefined ? {} : { signal };
    return abortable(signal, () =>
      this.#calls.customers.usage(this.place, { period, ...times }, options),
    );
  }

  async *scan<M extends object = Metadata>(options: ScanOptions<M> = {}): CustomerRecords<M> {
    if (isOfAll(options) && (yield* this.#streamed<M>(options))) return;
    const { tenants } = await this.get(options);
    for (const { collection } of tenants) {
      const records = new RecordsHandle<M>(this.#calls, { ...this.place, collection });
      for await (const record of records.scan(options)) yield { collection, record };
    }
  }

  /** @returns false before anything was given, where there is no such answer for the caller. */
  async *#streamed<M extends object>(
    options: CallOptions,
  ): AsyncGenerator<{ collection: string; record: StoredRecord<M> }, boolean, void> {
    const pieces = this.#calls.customers.stream?.(this.place, options);
    if (pieces === undefined) return false;
    let hasBegun = false;
    try {
      for (;;) {
        const { done, value } = await abortable(options.signal, () => pieces.next());
        if (done === true) return true;
        hasBegun = true;
        for (const { collection, record } of value) {
          yield { collection, record: toStored<M>(record) };
        }
      }
    } catch (error) {
      if (!hasBegun && isNotServed(error)) return false;
      throw error;
    } finally {
      // Not awaited: what is being read may never come.
      pieces.return().catch(() => undefined);
    }
  }
}

/**
 * The stream has everything there is. Who wants less of it asks for pages: they carry only what is
 * wanted, and begin where they are told.
 */
function isOfAll(options: Omit<ScanOptions, "where"> & { readonly where?: object }): boolean {
  const { vectors, metadata, where, prefix, after, pageSize } = options;
  const isPart = [where, prefix, after, pageSize].some((value) => value !== undefined);
  return vectors === true && metadata !== false && !isPart;
}

/**
 * Pages ask for the rights of a listing, which a key may have without that of an export; a server
 * of before has no such route.
 */
export function isNotServed(error: unknown): boolean {
  return (
    isInsulaError(error) && (error.code === "permission_denied" || error.code === "route_not_found")
  );
}
