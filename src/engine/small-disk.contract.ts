/** For tests of what happens on a disk that fills up. */
import { InterceptedFileSystem, MemoryFileSystem, type DiskRoom } from "../io/index.ts";

const GIB = 1024 ** 3;

/** A disk that says how much room it has. */
export class SmallDisk extends InterceptedFileSystem {
  free: number = 10 * GIB;
  total: number = 100 * GIB;

  constructor(inner: MemoryFileSystem = new MemoryFileSystem()) {
    super(inner, ({ length }) => length);
  }

  override room(): Promise<DiskRoom> {
    return Promise.resolve({ freeBytes: this.free, totalBytes: this.total });
  }
}
