import { InsulaHandle, type Insula } from "../client/index.ts";
import { findMasterKey, offloadTarget, openEngine, type Engine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeFileSystem, NodeRandom } from "../io/index.ts";
import { createEngineCalls } from "./engine-calls.ts";

export interface OpenOptions {
  /** Folder of the data, made when it is missing; one process at a time. Absent: in memory only. */
  readonly dataDir?: string;
  /** Bytes for vectors, codes and memtables; default half of what the system grants. */
  readonly memoryBudget?: number;
  /** Worker threads; default 2, 0 works on the calling thread only. */
  readonly workerCount?: number;
  /** False: what is created from now on is not sealed at rest. Nothing is in memory only. */
  readonly encryption?: boolean;
  /**
   * What wraps the keys of all tenants, as 64 hexadecimal digits or base64 of 32 bytes. Default:
   * the file `master-key` in the data folder, made with it.
   */
  readonly masterKey?: string;
  /** A file that holds it. */
  readonly masterKeyFile?: string;
  /** A command that prints it. */
  readonly masterKeyCommand?: string;
  /**
   * Where tenants are offloaded to, and come back from: a folder, or `s3://BUCKET/PREFIX` with
   * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL in the environment.
   */
  readonly offloadTo?: string;
}

/** A database in this process: the face, and what only its owner can do. */
export interface EmbeddedInsula extends Insula {
  /** Flushing, compaction, sleep and figures; closed with the face. */
  readonly engine: Engine;
}

class EmbeddedHandle extends InsulaHandle implements EmbeddedInsula {
  readonly engine: Engine;

  constructor(engine: Engine) {
    super(createEngineCalls(engine));
    this.engine = engine;
  }
}

/**
 * Opens a database in this process. A script that closes it exits by itself.
 *
 * @throws InsulaError `data_folder_locked` while another process has the folder, `data_damaged`,
 *         `format_unsupported`, `io_failed`, `master_key_missing`, `master_key_wrong`.
 */
export async function open(options: OpenOptions = {}): Promise<EmbeddedInsula> {
  const { dataDir, memoryBudget, workerCount, encryption = true, offloadTo } = options;
  const doors = { clock: new NodeClock(), random: new NodeRandom() };
  const masterKey = await findMasterKey(options);
  const engine = await openEngine({
    files: dataDir === undefined ? new MemoryFileSystem() : new NodeFileSystem(dataDir),
    ...doors,
    ...(offloadTo !== undefined && { offload: offloadTarget(offloadTo, doors) }),
    isSealing: encryption && dataDir !== undefined,
    ...(masterKey === undefined ? {} : { masterKey }),
    ...(memoryBudget === undefined ? {} : { memoryBudget }),
    ...(workerCount === undefined ? {} : { workerCount }),
  });
  return new EmbeddedHandle(engine);
}
