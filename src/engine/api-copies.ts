/** Backups, restores and adoptions: what is asked and what is told of them. */

/** What to back up or restore; everything when no name is given. */
export interface BackupScope {
  readonly database?: string;
  readonly collection?: string;
  readonly tenant?: string;
}

export interface CopyProgress {
  readonly tenants: number;
  readonly bytes: number;
}

export interface BackupOptions extends BackupScope {
  readonly onProgress?: (progress: CopyProgress) => void;
  /** A shard that is out of service is left out. */
  readonly onDamage?: (error: Error) => void;
  readonly signal?: AbortSignal;
}

export interface AdoptOptions {
  /** Gives up what is being fetched. */
  readonly signal?: AbortSignal;
}

export interface RestoreOptions extends BackupScope {
  /** Id of the backup; the newest when absent. */
  readonly backup?: string;
  /** The newest that was begun by then, milliseconds since 1970. */
  readonly atMs?: number;
  /** Other names for what is named above. */
  readonly as?: BackupScope;
  /** 32 bytes, of the folder that was backed up; default that of this folder. */
  readonly masterKey?: Uint8Array;
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly signal?: AbortSignal;
}

export interface BackupInfo {
  readonly id: string;
  readonly createdAtMs: number;
  readonly databases: number;
  readonly collections: number;
  readonly tenants: number;
  readonly records: number;
  /** Bytes of segments and log frames. */
  readonly bytes: number;
  /** How many of all bytes this backup had to send. */
  readonly bytesSent: number;
  /** Shards left out because they are out of service. */
  readonly damaged: number;
}

export interface RestoreSummary {
  readonly backup: string;
  readonly databases: number;
  readonly collections: number;
  readonly tenants: number;
  readonly records: number;
  readonly bytes: number;
}
