/**
 * Pinecone's interface: indexes (collections with tenants) and their namespaces (tenants), for the
 * vendor's own clients.
 *
 * A project is a database: the one a key speaks of, or that of the configuration. The control plane
 * makes and describes indexes; a description names the host of an index, and hosts.ts reads from a
 * request which index is meant. The operations on records know no transport: they take typed
 * messages and give typed messages; JSON over HTTP (rest/) and gRPC (grpc/) carry them.
 *
 * Life of a request: host or path → index → API key → message → rights → engine → message → text.
 * Rights are asked by the names of our own interface, so that a key means the same through both.
 *
 * Invariants: a request is about one namespace, and rights are asked for it before it is looked at.
 * Errors that do not go away by themselves are no 5xx, since clients repeat those.
 *
 * Sources: the vendor's OpenAPI files and clients; docs/dialects/pinecone.md says what differs.
 */
export { createPineconeDialect } from "./dialect.ts";
