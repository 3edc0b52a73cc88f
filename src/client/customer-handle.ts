/** One customer over all collections of a database, over plain calls. */
import type { CustomerErasure, CustomerInfo, CustomerPlace, CustomerUsage } from "../engine/api.ts";
import type { Metadata } from "../model/index.ts";
import { abortable } from "./abort.ts";
import type { CallOptions, Calls } from "./calls.ts";
import type { Customer, CustomerRecords, CustomerUsageOptions, ScanOptions } from "./insula.ts";
import { RecordsHandle } from "./records-handle.ts";

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
    const { tenants } = await this.get(options);
    for (const { collection } of tenants) {
      const records = new RecordsHandle<M>(this.#calls, { ...this.place, collection });
      for await (const record of records.scan(options)) yield { collection, record };
    }
  }
}
