/** A file that gets its name when it is whole. */
import { open, rename, unlink, type FileHandle } from "node:fs/promises";
import { CommandError, EXIT_CODES } from "../command-error.ts";

export class GrowingFile {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Made as `<path>.part`. @throws CommandError */
  static async create(path: string): Promise<GrowingFile> {
    try {
      return new GrowingFile(path, await open(`${path}.part`, "w"));
    } catch (cause) {
      throw new CommandError(
        EXIT_CODES.failed,
        `Cannot write the file ${path}.`,
        "Check the folder and its permissions.",
        cause,
      );
    }
  }

  async append(bytes: Uint8Array | string): Promise<void> {
    await this.#file.appendFile(bytes);
  }

  /** Overwrites the beginning. */
  async patch(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, 0, bytes.length, 0);
  }

  async finish(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
    await rename(`${this.#path}.part`, this.#path);
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await unlink(`${this.#path}.part`);
  }
}
