/**
 * The door to files. Bodies: `node/` (real), `memory/` (a map), `memory/` with crash states (the
 * simulated disk), `faulty/` (fails, shortens or counts calls of another body).
 *
 * Paths use `/` and are relative to the root the body was made with. A write is durable only after
 * `sync` of the file, a new name or a rename only after `syncFolder` of the folder.
 *
 * All methods throw InsulaError `io_failed` or `disk_full`, with the system's error as
 * the cause; a missing file is `undefined` or {@link FileSystem.exists} false where said, else an
 * error.
 */
export interface FileSystem {
  /** Opens for reading; undefined when there is no such file. */
  openRead(path: string): Promise<ReadableFile | undefined>;
  /** Creates (or truncates) for writing. */
  create(path: string, options?: CreateOptions): Promise<WritableFile>;
  /** Opens an existing file for writing in place, e.g. one that is recycled. */
  openWrite(path: string): Promise<WritableFile>;
  /**
   * A file whose every write is followed by a sync before its promise resolves; made when there is
   * none, else its content stays. The real body does both on the log thread, so that neither blocks
   * the control thread.
   */
  openSynced(path: string, options?: CreateOptions): Promise<SyncedFile>;
  /** Whole content, owned by the caller; undefined when there is no such file. */
  readWhole(path: string): Promise<Uint8Array | undefined>;
  /** Creates or replaces: written under a temporary name, synced, renamed, folder synced. */
  replaceWhole(path: string, bytes: Uint8Array, options?: CreateOptions): Promise<void>;
  exists(path: string): Promise<boolean>;
  rename(source: string, target: string): Promise<void>;
  /**
   * Ends a file at `length`, which is at most its own. Not durable by itself: a crash may leave the
   * rest behind it.
   */
  truncate(path: string, length: number): Promise<void>;
  /** No error when it is already gone. */
  unlink(path: string): Promise<void>;
  /** Makes the folder and its parents; no error when it is there. */
  makeFolder(path: string): Promise<void>;
  /** Names directly inside, sorted; empty when there is no such folder. */
  listFolder(path: string): Promise<readonly string[]>;
  syncFolder(path: string): Promise<void>;
  /** How much room there is where the root lies; undefined for a body without a bound. */
  room(): Promise<DiskRoom | undefined>;
  /** Takes the folder for this process alone; the lock ends with the process or with `release`. */
  lock(path: string): Promise<FolderLock>;
}

export interface DiskRoom {
  /** What this process may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface CreateOptions {
  /** Permission bits; the default 0o600 keeps data from other users of the machine. */
  readonly mode?: number;
}

/** What a read fills, and from where. */
export interface FilePiece {
  readonly position: number;
  readonly target: Uint8Array;
}

export interface ReadableFile {
  readonly path: string;
  size(): Promise<number>;
  /**
   * Fills `target` from `position`; resolves to the bytes read, less only at the end of the file.
   */
  read(position: number, target: Uint8Array): Promise<number>;
  /** As `read` of each, all at once; resolves to the bytes read of all of them. */
  readMany(pieces: readonly FilePiece[]): Promise<number>;
  /**
   * As `read`, on the calling thread: for a few kilobytes that are most likely in the page cache.
   */
  readNow(position: number, target: Uint8Array): number;
  close(): Promise<void>;
}

export interface WritableFile {
  readonly path: string;
  /** Writes all of `source` at `position`, looping over short writes. */
  write(position: number, source: Uint8Array): Promise<void>;
  /** Data to the medium. After one failure the file is dead: every later call fails too. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SyncedFile {
  readonly path: string;
  /**
   * Writes the parts one after the other from `position` and syncs. The parts belong to the file
   * until the promise settles. After one failure the file is dead: every later call fails too.
   */
  writeAndSync(position: number, parts: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

export interface FolderLock {
  release(): Promise<void>;
}
