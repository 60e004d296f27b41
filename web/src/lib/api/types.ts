// What the HTTP API speaks. `npm run api-types` writes `schema.d.ts` from the server's OpenAPI
// document; these are the names the dashboard uses.

export type AccountState =
  | "new"
  | "linking"
  | "connecting"
  | "online"
  | "degraded"
  | "recovering"
  | "needs_attention"
  | "logged_out"
  | "banned"
  | "disabled";

export interface Reason {
  code: string;
  text?: string;
  [detail: string]: unknown;
}

export interface Account {
  id: string;
  name: string;
  phone: string | null;
  lid: string | null;
  role: "primary" | "secondary";
  priority: number;
  state: AccountState;
  reason: Reason | null;
  state_since: string;
  next_attempt_at?: string | null;
  created_at: string;
  counts?: { waiting_to_send: number; unfinished: number };
}

export interface StateChange {
  from: AccountState | null;
  to: AccountState;
  reason: Reason | null;
  at: string;
}

export type LinkMethod = "qr" | "code";
export type LinkStatus = "waiting" | "showing_qr" | "showing_code" | "linked" | "failed" | "cancelled" | "idle";

export interface Link {
  status: LinkStatus;
  method: LinkMethod | null;
  qr: string | null;
  qr_expires_at: string | null;
  code: string | null;
  window_ends_at: string | null;
  regeneration: number;
  regenerations_max: number;
  message: string | null;
}

export type SendState = "accepted" | "server" | "delivered" | "read" | "failed" | "held";

export interface Sender {
  contact?: string | null;
  name?: string | null;
  address?: string | null;
}

export interface Message {
  id: string;
  account: string;
  conversation: string;
  direction: "in" | "out";
  origin: "live" | "offline" | "history" | "own" | "repair" | "sent";
  seq: number | null;
  wire_id: string | null;
  kind: string;
  content: Record<string, unknown> | null;
  sender: Sender | null;
  sent_at: string;
  received_at: string | null;
  state: SendState | null;
  failure: { code: string; text?: string } | null;
  waiting: { code: string; text?: string; until?: string | null } | null;
  media: { state: string; bytes?: number | null; reason?: string | null; mime?: string | null } | null;
  reactions: { emoji: string; by?: string | null }[] | null;
  edited_at: string | null;
  revoked_at: string | null;
  findings?: unknown;
}

export interface Conversation {
  id: string;
  account: string;
  kind: "direct" | "group";
  title: string;
  address: string | null;
  contact: string | { id: string; name?: string | null } | null;
  unread: number;
  last_message: {
    preview: string;
    at: string;
    direction: "in" | "out";
    state: SendState | null;
  } | null;
}

export type RuleMatch =
  | { on: "any" }
  | { on: "equals" | "contains" | "starts_with"; text: string }
  | { on: "any_word"; words: string[] };

export interface Rule {
  id: string;
  account: string | null;
  name: string;
  position: number;
  matches: RuleMatch;
  scope: "direct" | "groups" | "everywhere";
  answer: string;
  /** Milliseconds. */
  max_age: number;
  enabled: boolean;
  created_at?: string;
}
export type RuleDraft = Omit<Rule, "id" | "created_at">;

export interface DeadLetter {
  id: string;
  account: string | null;
  conversation: string | null;
  message: string | null;
  direction?: "in" | "out";
  stage: string;
  error: string;
  state: string;
  attempts: number;
  created_at: string;
  payload?: unknown;
}

export interface Webhook {
  id: string;
  url: string;
  description: string | null;
  /** Only these kinds of event; all when empty. */
  kinds: string[];
  /** Only events of this account; all when absent. */
  account: string | null;
  enabled: boolean;
  disabled_reason: "person" | "gone" | "failing" | null;
  created_at: string;
  succeeded_at: string | null;
  failing_since: string | null;
  /** Until when the secret before still signs as well. */
  previous_secret_until: string | null;
  /** Present only in the answer that creates or rotates it. */
  secret?: string;
}

export interface Delivery {
  id: string;
  event: string;
  at: string;
  attempt: number;
  status: number | null;
  duration_ms: number;
  error: string | null;
  /** The beginning of the endpoint's answer. */
  response: string;
}

/** A conversation whose events wait at an endpoint because one of them fails. */
export interface BlockedConversation {
  conversation: string | null;
  waiting: number;
  attempts: number;
  next_at: string;
  last_error: string;
}

export interface ApiKey {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  /** Revoked keys stay in the list, so that old uses can be traced. */
  revoked_at?: string | null;
  /** The beginning of the key, to tell keys apart. */
  shown?: string;
  /** Present only in the answer that creates it. */
  key?: string;
}

export type Role = "viewer" | "operator" | "admin" | "owner";

export interface Person {
  id: string;
  login: string;
  name: string;
  role: Role;
  disabled: boolean;
  created_at: string;
  signed_in_at: string | null;
}

export interface Session {
  person: Person;
  csrf_token: string;
}

export interface Status {
  version: string;
  uptime_s: number;
  accounts: Record<string, number>;
  queues?: Record<string, number>;
  sim: boolean;
}

export interface Blob {
  id: string;
  bytes: number;
  sha256: string;
  mime: string;
}

export interface LiveEvent {
  id: string;
  kind: string;
  version: number;
  account: string | null;
  conversation: string | null;
  at: string;
  data: Record<string, unknown> | null;
}

export type Frame =
  | { type: "event"; cursor: string; event: LiveEvent }
  | { type: "resync"; cursor: string; reason?: string }
  | { type: "ping" };

export interface Page<T> {
  items: T[];
  next: string | null;
}

export type OutgoingContent =
  | { kind: "text"; body: string; quote_message?: string }
  | { kind: "image" | "video" | "voice" | "document" | "sticker"; blob: string; caption?: string; file_name?: string; quote_message?: string }
  | { kind: "reaction"; message: string; emoji: string }
  | { kind: "edit"; message: string; body: string }
  | { kind: "revoke"; message: string };
