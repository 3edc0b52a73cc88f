/**
 * The protocols we speak, one folder each; strangers to one another. A dialect translates between
 * bytes on the wire and calls of the engine, and knows its vendor's names, limits and errors.
 */
export type {
  BackupDoor,
  Dialect,
  BodyTurns,
  TurnsAsked,
  DialectContext,
  DialectSettings,
  PineconeSettings,
  ParsedVectorBody,
  RequestPhase,
} from "./dialect.ts";
