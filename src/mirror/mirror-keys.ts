/** Where the objects of a mirror lie in its store. ON DISK: docs/formats/mirror.md. */

/** One small object a mirror, so that mirrors are found without listing their pieces. */
export const MIRROR_PREFIX = "mirrors/";
const NUMBER_DIGITS = 10;
const TIME_DIGITS = 15;

/** @param id 32 hexadecimal digits. */
export function mirrorKey(id: string): string {
  return `${MIRROR_PREFIX}${id}`;
}

export function pointPrefix(id: string): string {
  return `mirror/${id}/points/`;
}

export function pointKey(id: string, point: number): string {
  return `${pointPrefix(id)}${pad(point)}`;
}

export function basePrefix(id: string): string {
  return `mirror/${id}/bases/`;
}

/** @param atMs of the point it sums up: bases are chosen by time without being read. */
export function baseKey(id: string, point: number, atMs: number): string {
  return `${basePrefix(id)}${pad(point)}-${String(atMs).padStart(TIME_DIGITS, "0")}`;
}

/** Undefined for the key of something else. */
export function baseOfKey(
  id: string,
  key: string,
): { readonly number: number; readonly atMs: number } | undefined {
  const [, number, atMs] = /^(\d{10})-(\d{15})$/.exec(key.slice(basePrefix(id).length)) ?? [];
  if (number === undefined || atMs === undefined) return undefined;
  return { number: Number(number), atMs: Number(atMs) };
}

export function piecePrefix(id: string): string {
  return `mirror/${id}/pieces/`;
}

/**
 * Pieces of a point that never came to be are told by its number.
 *
 * @param writer of this life of the node: no two write the same piece.
 */
export function pieceName(point: number, writer: string, piece: number): string {
  return `${pad(point)}-${writer}-${pad(piece)}`;
}

/** Replaced in place, unlike all others: an erased key must not stay. */
export function secretKey(id: string, path: string): string {
  return `${secretPrefix(id)}${path}`;
}

export function secretPrefix(id: string): string {
  return `mirror/${id}/secrets/`;
}

/** Undefined for the key of something else. */
export function pointOfKey(id: string, key: string): number | undefined {
  const digits = key.slice(pointPrefix(id).length);
  return /^\d{10}$/.test(digits) ? Number(digits) : undefined;
}

/** Of a piece's name, the point it was written for. */
export function pointOfPiece(name: string): number {
  return Number(name.slice(0, NUMBER_DIGITS));
}

/** Of a piece's name, the life that wrote it. */
export function writerOfPiece(name: string): string {
  return name.split("-", 2)[1] ?? "";
}

function pad(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}
