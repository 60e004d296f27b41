// What the HTTP API speaks, by the names the dashboard uses. The shapes are the server's own:
// `npm run api-types` writes `schema.d.ts` from its OpenAPI document. Written by hand is only what
// that document cannot say.

import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];
/** In answers the server writes every field, also the empty ones, which are null. */
type Whole<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

export type AccountState = Schemas["AccountState"];
export type Reason = Schemas["Explained"];
/** How an account is being brought back: the rung of the ladder, and what happens next. */
export type Recovery = Whole<Schemas["Recovery"]>;
export type Rung = Schemas["Rung"];
/** What proves that its connection lives. */
export type Liveness = Whole<Schemas["Liveness"]>;
/** How well it does, in two words. */
export type HealthSummary = Whole<Schemas["HealthSummary"]>;
export type Account = Whole<Omit<Schemas["Account"], "recovery" | "liveness" | "health" | "proxy_state">> & { recovery: Recovery | null; liveness: Liveness; health: HealthSummary | null; proxy_state: ProxyState | null };
/** Whether its proxy gives a way to WhatsApp, also while nobody needs one. */
export type ProxyState = Whole<Schemas["ProxyState"]>;
export type HealthFactor = Whole<Schemas["HealthFactor"]>;
export type HealthTrend = Whole<Schemas["HealthTrend"]>;
/** How well an account does, factor by factor. */
export type AccountHealth = Whole<Omit<Schemas["Health"], "factors" | "trend">> & { factors: HealthFactor[]; trend: HealthTrend };
export type HealthSample = Whole<Schemas["HealthSample"]>;
/** How loaded the machine is, and what is put off because of it. */
export type LoadGauge = Whole<Schemas["LoadGauge"]>;
export type SystemLoad = Whole<Omit<Schemas["SystemLoad"], "gauges">> & { gauges: LoadGauge[] };
/** How long a stage or part takes lately. */
export type Timing = Whole<Schemas["Timing"]>;
export type Performance = { stages: Timing[]; parts: Timing[] };
export type ProxyCheck = Whole<Schemas["ProxyCheck"]>;
export type StateChange = Whole<Schemas["StateChange"]>;

/** Messages that never came, and what is done about them. */
export type Gap = Whole<Schemas["Gap"]>;
export type Gaps = Whole<Omit<Schemas["Gaps"], "items">> & { items: Gap[] };
/** What an account may still begin today, and why sends wait. */
export type SendingAllowance = Omit<Schemas["SendingAllowance"], "limit"> & { limit: number | null };
type SendingWaiting = Whole<Schemas["SendingWaiting"]>;
export type Sending = Whole<Omit<Schemas["Sending"], "unasked" | "new_chats" | "waiting" | "restriction">> & { unasked: SendingAllowance; new_chats: SendingAllowance; restriction: Schemas["SendingRestriction"] | null; waiting: SendingWaiting[] };
export type LinkedDevice = Whole<Schemas["LinkedDevice"]>;
export type Times = Whole<Schemas["Times"]>;
export type AccountStats = Whole<Omit<Schemas["AccountStats"], "handled" | "accepted" | "delivered">> & { handled: Times; accepted: Times; delivered: Times };

export type LinkMethod = Schemas["LinkMethod"];
export type LinkStatus = Schemas["LinkState"];
/** How long a set of codes waits, and what that rests on. */
export type LinkWindow = Whole<Schemas["LinkWindow"]>;
export type Link = Whole<Omit<Schemas["Link"], "window">> & { window: LinkWindow | null };

export type ImportFormat = Schemas["ImportFormat"];
export type ImportedDevice = Whole<Schemas["ImportedDevice"]>;
export type ImportReport = Whole<Omit<Schemas["ImportReport"], "devices">> & { devices: ImportedDevice[] };

export type SendState = Schemas["SendState"];
export type Sender = Schemas["Sender"];
export type Message = Whole<Schemas["Message"]>;
export type OutgoingContent = Schemas["ContentToSend"];
export type Conversation = Whole<Schemas["Conversation"]>;
export type Found = Whole<Omit<Schemas["Found"], "items">> & { items: Message[] };

export type GalleryItem = Whole<Schemas["GalleryItem"]>;
/** Tables and values are JSON that the document only calls objects. */
export type FileReading = Whole<Omit<Schemas["FileReading"], "tables" | "entities">> & {
  tables: { name: string; rows: string[][] }[];
  entities: { kind: string; value: string; text: string }[];
};

export type Contact = Whole<Schemas["Contact"]>;
export type ContactWithAliases = Contact & { aliases: Whole<Schemas["Alias"]>[] };
export type Merge = Whole<Schemas["Merge"]>;

export type Group = Whole<Schemas["Group"]>;
export type GroupMember = Whole<Schemas["GroupMember"]>;
export type GroupWithMembers = Group & { members: GroupMember[] };

export type RuleMatch = Schemas["Match"];
export type RuleConditions = Whole<Schemas["RuleConditions"]>;
export type Rule = Whole<Omit<Schemas["Rule"], "when">> & { when: RuleConditions };
export type RuleDraft = Omit<Rule, "id" | "created_at">;

export type PartStanding = Schemas["PartStanding"];
export type PipelinePart = Whole<Schemas["PipelinePart"]>;
export type PipelineStage = Whole<Omit<Schemas["PipelineStage"], "parts">> & { parts: PipelinePart[] };
export type Pipeline = Whole<Omit<Schemas["Pipeline"], "stages">> & { stages: PipelineStage[] };
export type ExplainedPart = Whole<Schemas["PartExplained"]>;
/** A value as a message's explanation lists it. */
export type ValueFound = Schemas["EntityView"];
export type Explanation = Whole<Omit<Schemas["Explanation"], "parts">> & { parts: ExplainedPart[] };
export type ThreadSubject = { kind: string; value: string };
export type ConversationThread = Whole<Omit<Schemas["ConversationThread"], "subjects">> & { subjects: ThreadSubject[] };

export type InsightSet = Whole<Schemas["InsightSet"]>;
export type InsightSetContent = Whole<Schemas["InsightSetContent"]>;
export type InsightTraining = Whole<Schemas["InsightTraining"]>;

export type DeadLetter = Whole<Schemas["DeadLetter"]> & Partial<Pick<Schemas["DeadLetterWithPayload"], "payload">>;

/** The secret is there only in the answer that makes or changes it. */
export type Webhook = Whole<Schemas["Webhook"]> & { secret?: string };
export type Delivery = Whole<Schemas["Delivery"]>;
/** A conversation whose events wait at an endpoint because one of them fails. */
export type BlockedConversation = Whole<Schemas["BlockedConversation"]>;

export type SheetConnection = Whole<Omit<Schemas["SheetConnection"], "breakers" | "saved">> & { breakers: SheetBreaker[]; saved: Whole<Schemas["SheetSavings"]> };
export type SheetBreaker = Whole<Schemas["SheetBreaker"]>;
export type SheetColumn = Schemas["SheetColumn"];
export type SheetMapping = Whole<Omit<Schemas["SheetMapping"], "columns" | "rows">> & { columns: SheetColumn[]; rows: Whole<Schemas["SheetCounts"]> };
export type SheetMappingTest = Whole<Schemas["SheetMappingTest"]>;
export type SheetRow = Whole<Schemas["SheetRow"]>;
export type SheetPreview = Whole<Schemas["SheetPreview"]>;

/** The key itself is there only in the answer that makes it. */
export type ApiKey = Whole<Schemas["ApiKey"]> & { key?: string };

export type Role = Schemas["PersonRole"];
export type Person = Whole<Schemas["Person"]>;
export type Session = Whole<Omit<Schemas["Session"], "person">> & { person: Person };
export type Analysis = Schemas["Analysis"];
export type Entity = Schemas["EntityView"];
export type Status = Whole<Schemas["Status"]>;
export type Blob = Whole<Schemas["Blob"]>;

/** What an event says beyond its frame depends on its kind. */
export type LiveEvent = Whole<Omit<Schemas["Event"], "data">> & { data: Record<string, unknown> | null };

/** What comes over the event stream. */
export type Frame =
  | { type: "event"; cursor: string; event: LiveEvent }
  | { type: "resync"; cursor: string; reason?: string }
  | { type: "ping" };

/** One page of any list. */
export interface Page<T> {
  items: T[];
  next: string | null;
}
