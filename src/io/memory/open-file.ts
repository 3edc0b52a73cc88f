/** Reading content that lies in memory; a file that was unlinked or replaced stays readable. */
import type { FilePiece, ReadableFile } from "../file-system.ts";
import { readEach } from "../read-each.ts";
import type { GrowingContent } from "./growing-content.ts";

export class MemoryReadableFile implements ReadableFile {
  readonly path: string;
  readonly #content: GrowingContent;

  constructor(path: string, content: GrowingContent) {
    this.path = path;
    this.#content = content;
  }

  async size(): Promise<number> {
    await Promise.resolve();
    return this.#content.length;
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    await Promise.resolve();
    return this.#content.read(position, target);
  }

  readMany(pieces: readonly FilePiece[]): Promise<number> {
    return readEach((position, target) => this.read(position, target), pieces);
  }

  readNow(position: number, target: Uint8Array): number {
    return this.#content.read(position, target);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
