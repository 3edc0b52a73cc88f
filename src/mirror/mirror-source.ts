/** What a mirror asks of the node whose data folder it copies. */

/** A file, or the first bytes of one, that never change. */
export interface FileExtent {
  readonly path: string;
  readonly bytes: number;
}

/**
 * The data folder at one moment. Nothing it names is removed on purpose before `release`; a file
 * whose removal had begun may be missing all the same, then another image is asked for.
 */
export interface FolderImage {
  /** All files of the log with the bytes that count, all tables of the catalogue. */
  readonly whole: readonly FileExtent[];
  /** Small files that are replaced as a whole. */
  readonly replaced: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** Segments that may be named by a manifest though their name is not final. */
  readonly placed: readonly { readonly temporary: string; readonly final: string }[];
  /** Segments that came or, with `false`, went since the image before. */
  readonly segments: ReadonlyMap<string, boolean>;
  /** Packs that grew, with their bytes, or, with 0, went since the image before. */
  readonly packs: ReadonlyMap<string, number>;
  /** To be read after the image was taken: an erased key must never be older than it is. */
  readonly secrets: ReadonlySet<string>;
  /** To be called once. */
  release(): void;
}

export interface MirrorSource {
  /** Segments, packs and secrets there are, for the first image of a life; it begins to watch. */
  list(): Promise<Pick<FolderImage, "segments" | "packs" | "secrets">>;
  /** Taken within one turn. */
  capture(): FolderImage;
}

/** Folders whose files an image names completely. */
export const WHOLE_FOLDERS: readonly string[] = ["log/", "catalog/", "tmp/"];
