/**
 * Principals, keys, grants and policies: who may do what, one model under all protocols.
 *
 * The admin key opens everything; it is given or lies in `admin-secret` in the data folder. Further
 * keys are rows of the engine's settings (`access-key/<id>`), their secrets sealed with AES-256-GCM
 * under a key derived from the 32 bytes of the file `access.key`: signatures need the secret
 * itself, so it cannot be hashed. The admin secret seals nothing and can be changed at any start.
 *
 * Life of a key: created (the secret is shown once) → found by every request it signs, from a
 * bounded cache → rotated, as often as one likes → revoked or expired, which holds for the next
 * request.
 *
 * INVARIANT: what is missing and what is forbidden look alike. A caller is authorized for a name
 * before anybody looks whether the name exists.
 *
 * Not here: proving that a caller holds a secret (wire/signature), rates of tenants.
 */
export type {
  AccessKeyPatch,
  AccessControl,
  AccessKeyView,
  ActionTarget,
  CreatedAccessKey,
  Grant,
  KnownKey,
  NewAccessKey,
  Principal,
  RotateOptions,
} from "./access-control.ts";
export { ADMIN_SECRET_PATH, loadAdminKey, resetAdminKey } from "./admin-key.ts";
export type { AdminKey, AdminKeyOptions } from "./admin-key.ts";
export { openAuditLog, refusalOf } from "./audit-log.ts";
export type { AuditLog, AuditLogOptions, Decision } from "./audit-log.ts";
export { ACTION_CLASSES, classOf } from "./actions.ts";
export type { ActionClass } from "./actions.ts";
export { boundTenant } from "./grant.ts";
export { POLICY_BYTES_MAX, ROTATION_GRACE_MS_MAX } from "./limits.ts";
export { openAccess } from "./open-access.ts";
export type { AccessOptions, SettingStore } from "./open-access.ts";
export { wrapEngine, type EngineCall } from "./wrapped-engine.ts";
export { parseAwsBucketPolicy } from "./aws-policy.ts";
export { evaluateBucketPolicy, isAboutPrincipal, parseBucketPolicy } from "./policy.ts";
export type { BucketPolicy, PolicyGrammar, PolicyRequest, PolicyStatement } from "./policy.ts";
