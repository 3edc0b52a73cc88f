/** The data folder's memory of the mirror it is copied to. ON DISK: docs/formats/mirror.md. */
import { InsulaError } from "../base/errors.ts";
import type { FileSystem } from "../io/index.ts";

export const MIRROR_FOLDER = "mirror";
const MARKER_PATH = `${MIRROR_FOLDER}/marker`;
const FORMAT_VERSION = 1;

export interface MirrorMarker {
  readonly mirror: string;
  /** The last point that this folder knows of. */
  readonly point: number;
  /** Of the life that may have written one more. */
  readonly writer: string;
}

export async function readMarker(files: FileSystem): Promise<MirrorMarker | undefined> {
  const bytes = await files.readWhole(MARKER_PATH);
  if (bytes === undefined) return undefined;
  const found = parse(bytes);
  if (found !== undefined && found.format === FORMAT_VERSION) return found;
  throw new InsulaError(
    found === undefined ? "data_damaged" : "format_unsupported",
    `Cannot read ${MARKER_PATH}: expected a marker of format ${String(FORMAT_VERSION)}. ` +
      "Remove the file to begin a new mirror.",
  );
}

export async function writeMarker(files: FileSystem, marker: MirrorMarker): Promise<void> {
  const text = `${JSON.stringify({ format: FORMAT_VERSION, ...marker })}\n`;
  await files.replaceWhole(MARKER_PATH, Buffer.from(text, "utf8"));
}

function parse(bytes: Uint8Array): (MirrorMarker & { readonly format: number }) | undefined {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>;
    const { format, mirror, point, writer } = value;
    if (typeof format !== "number" || typeof mirror !== "string") return undefined;
    if (typeof point !== "number" || typeof writer !== "string") return undefined;
    return { format, mirror, point, writer };
  } catch {
    return undefined;
  }
}
