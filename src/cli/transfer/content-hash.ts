/**
 * One number for everything a collection holds: equal content, whatever its files and its history,
 * has an equal hash. SHA-256 over the records in the order of tenants and keys.
 */
import { createHash } from "node:crypto";
import { ByteWriter } from "../../base/bytes.ts";
import { encodeMetadata, type RecordView } from "../../model/index.ts";

const NOTHING = new Uint8Array(0);

export class ContentHash {
  readonly #hash = createHash("sha256");

  add(tenant: string | undefined, { key, vectors, metadata }: RecordView): void {
    const writer = new ByteWriter(1_024).string(tenant ?? "").string(key);
    const fields = [...(vectors ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    writer.varint(fields.length);
    for (const [name, values] of fields) {
      writer.string(name);
      writer.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    writer.bytes(metadata === undefined ? NOTHING : encodeMetadata(metadata));
    this.#hash.update(writer.view());
  }

  /** Lower-case hexadecimal. Ends the hash. */
  finish(): string {
    return this.#hash.digest("hex");
  }
}
