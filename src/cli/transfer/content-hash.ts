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

  add(tenant: string | undefined, { key, vectors, sparse, metadata }: RecordView): void {
    const writer = new ByteWriter(1_024).string(tenant ?? "").string(key);
    const fields = [...(vectors ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    writer.varint(fields.length);
    for (const [name, values] of fields) {
      writer.string(name);
      writer.bytes(bytesOf(values));
    }
    writer.bytes(metadata === undefined ? NOTHING : encodeMetadata(metadata));
    // Only where there are any: the hash of other collections stays what it was.
    for (const [name, vector] of [...(sparse ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
      writer.string(name).bytes(bytesOf(vector.indices)).bytes(bytesOf(vector.values));
    }
    this.#hash.update(writer.view());
  }

  /** Lower-case hexadecimal. Ends the hash. */
  finish(): string {
    return this.#hash.digest("hex");
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
