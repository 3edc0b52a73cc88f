/** Bounds of what is read from a message. */

/** Levels of objects and lists in one Struct, as in a JSON text. */
export const STRUCT_DEPTH_MAX = 64;
