/** Files that belong to the program itself: compiled kernels beside the code. */
import { readFile } from "node:fs/promises";
import { InsulaError } from "../../base/errors.ts";

/**
 * @param url made with `import.meta.url`, so that it also holds inside a package or a bundle.
 * @throws InsulaError `format_unsupported` when the program is incomplete.
 */
export async function readAsset(url: URL): Promise<Uint8Array> {
  try {
    return await readFile(url);
  } catch (cause) {
    throw new InsulaError(
      "format_unsupported",
      `Cannot load a part of the program: expected ${url.pathname.split("/").at(-1) ?? "a file"} beside the code. Run "npm run build".`,
      { cause },
    );
  }
}
