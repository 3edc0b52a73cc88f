/** Bounds of what is told in headers. */

/** Characters of a `grpc-message`; longer texts are cut. Source: headers as a whole have 16 KiB. */
export const GRPC_MESSAGE_CHARACTERS_MAX = 4_096;
