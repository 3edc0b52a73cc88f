/**
 * The door to an object store. The only conditional operation asked for is create-if-absent: it is
 * the one that every S3-compatible store worth using performs atomically.
 */
export interface ObjectStore {
  /** Creates the object; false, and nothing changed, when the key is taken. */
  putIfAbsent(key: string, body: Uint8Array): Promise<boolean>;
  put(key: string, body: Uint8Array): Promise<void>;
  /**
   * The object or a range of it; undefined when there is none.
   *
   * @param signal aborted: the answer is of no use any more. A store may send it all the same.
   */
  get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Length in bytes; undefined when there is none. */
  head(key: string): Promise<number | undefined>;
  /** Keys with the prefix in byte order, after `after`, at most `limit`. */
  list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]>;
  /** No error when it is already gone. */
  delete(key: string): Promise<void>;
}

export interface ByteRange {
  readonly start: number;
  readonly length: number;
}
