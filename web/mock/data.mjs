// Made-up accounts and conversations for developing the dashboard without a server.

const REASONS = {
  created: "Created; link it with a QR code or a pairing code.",
  requested: "Somebody asked for this.",
  awaiting_scan: "Scan the QR code with WhatsApp on the phone: Settings, Linked devices, Link a device.",
  awaiting_code: "Type the pairing code on the phone: Settings, Linked devices, Link with phone number.",
  linked: "The phone accepted the link.",
  connected: "Connected to WhatsApp.",
  connection_lost: "The connection closed; Waypost is reconnecting.",
  keepalive_timeout: "WhatsApp stopped answering on an open connection; Waypost is replacing it.",
  device_removed: "This device was removed on the phone; link it again.",
  backpressure: "Too much work is waiting; WhatsApp keeps further messages until it is done.",
  temporary_ban: "WhatsApp has banned this number for a while (code 101); send less, and wait until it ends.",
  passkey_required: "The phone asks for a passkey, which a linked device cannot give; switch the passkey off on the phone and link again.",
  link_cancelled: "Linking was cancelled; start it again when you are ready.",
  restricted: "WhatsApp lets this number start no new chats for now; people who have written are answered as usual. Write to fewer strangers.",
  phone_offline: "The phone has not been seen for long; switch it on with internet access, or WhatsApp unlinks this device.",
  proxy_refused: "This account's proxy refuses us (user or password is wrong); set its user and password anew. Nothing connects without it.",
  server_error: "WhatsApp's server answered with error 503; Waypost tries again.",
  link_expired: "Nobody scanned in time; start linking again when the phone is at hand.",
};

export function reason(code) {
  return { code, text: REASONS[code] ?? code };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const RUNGS = ["probe", "reconnect", "restore", "rebuild", "relink_qr", "relink_code", "person"];
const RUNG_TEXTS = [
  "Asking the open connection whether it is alive.",
  "Connecting again with the same session.",
  "Reading the session anew from the store and connecting.",
  "Building everything anew from the store and connecting.",
  "Link the account again by QR code; a person must start it.",
  "Type the pairing code on the phone.",
  "A person must act.",
];

/** What brings an account back; `more` says what is not ordinary about it. */
export function recovery(rung, code, more = {}) {
  const at = RUNGS.indexOf(rung);
  return {
    rung,
    rung_number: at + 1,
    rung_text: RUNG_TEXTS[at],
    doing: at < 4 ? "waiting" : "offered",
    at: null,
    then: RUNGS[Math.min(at + 1, RUNGS.length - 1)],
    reason: reason(code),
    class: "network",
    since: new Date(Date.now() - MINUTE).toISOString(),
    failures: 0,
    breaker: { state: "closed", errors: 0, until: null },
    person_called: at >= 4,
    ...more,
  };
}

/** What proves that an account lives, as of now: one that is well was heard within half a minute. */
export function liveness(account) {
  const at = (ms) => new Date(Date.now() - ms).toISOString();
  const linked = account.phone !== null;
  const well = account.state === "online" || account.state === "degraded";
  const away = account.phoneAway ?? 7 * HOUR;
  return {
    heard_at: well ? at(4_000 + (Date.now() % 22_000)) : null,
    served_at: well ? at(3 * MINUTE) : null,
    decrypted_at: linked ? at(12 * MINUTE) : null,
    probes_missing: 0,
    round_trips_missing: 0,
    unreadable_from: 0,
    phone_seen_at: linked ? at(away) : null,
    phone_limit_at: linked ? new Date(Date.now() - away + 14 * DAY).toISOString() : null,
    next_check_at: well ? new Date(Date.now() + 21_000).toISOString() : null,
    ...account.livenessMore,
  };
}

/** What is known of how an account is scanned. */
export function linkWindow(account) {
  const base = { seconds: 120, strategy: "survival", basis: "base", confidence: 0, samples: 0, median_s: null, p95_s: null, flags: [], needs_new_refs: false };
  if (account.id === "acc_0sales") return { ...base, seconds: 92, basis: "own", confidence: 0.87, samples: 52, median_s: 11.4, p95_s: 23.8, flags: ["consistent"] };
  if (account.id === "acc_0service") return { ...base, seconds: 148, basis: "own", confidence: 0.57, samples: 34, median_s: 41, p95_s: 118.2, flags: ["slow", "erratic"] };
  if (account.id === "acc_0lease") return { ...base, seconds: 108, basis: "others", confidence: 0.07, samples: 4, median_s: 19, p95_s: 31, flags: [] };
  return base;
}

function account(id, name, phone, state, code, minutes, more = {}) {
  const now = Date.now();
  return {
    id,
    name,
    phone,
    lid: phone ? `${phone.replace(/\D/g, "").split("").reverse().join("")}@lid` : null,
    role: "primary",
    priority: 999,
    state,
    reason: reason(code),
    state_since: new Date(now - minutes * MINUTE).toISOString(),
    next_attempt_at: null,
    recovery: null,
    proxy: null,
    created_at: new Date(now - 40 * 24 * HOUR).toISOString(),
    counts: { waiting_to_send: 0, unfinished: 0 },
    ...more,
  };
}

export function accounts() {
  const soon = new Date(Date.now() + 34_000).toISOString();
  return [
    account("acc_0sales", "Sales Dubai", "+971505760056", "online", "connected", 4 * 60 + 12),
    account("acc_0lease", "Leasing desk", "+971505551200", "online", "connected", 26 * 60, { counts: { waiting_to_send: 2, unfinished: 1 } }),
    account("acc_0viewings", "Viewings", "+971524417788", "recovering", "connection_lost", 1, { next_attempt_at: soon, counts: { waiting_to_send: 7, unfinished: 0 }, recovery: recovery("reconnect", "connection_lost", { at: soon, failures: 6 }) }),
    account("acc_0service", "After-sales", "+971501209944", "logged_out", "device_removed", 95, { counts: { waiting_to_send: 3, unfinished: 0 }, recovery: recovery("relink_qr", "device_removed", { class: "auth", since: new Date(Date.now() - 95 * MINUTE).toISOString() }) }),
    account("acc_0abu", "Abu Dhabi office", "+971561112233", "degraded", "backpressure", 6, { counts: { waiting_to_send: 0, unfinished: 212 } }),
    account("acc_0london", "London partners", "+442079460018", "online", "connected", 9 * 24 * 60, { role: "secondary", priority: 20 }),
    account("acc_0night", "Night shift", "+971508889900", "disabled", "requested", 13 * 60),
    account("acc_0airport", "Airport desk", "+971504445566", "degraded", "phone_offline", 70, { phoneAway: 11.6 * DAY, reason: { ...reason("phone_offline"), until: new Date(Date.now() + 2.4 * DAY).toISOString() } }),
    account("acc_0events", "Events", "+971507778899", "degraded", "restricted", 25),
    account("acc_0abroad", "Berlin office", "+4930123456", "needs_attention", "proxy_refused", 8, {
      proxy: "socks5://berlin:***@proxy.example.com:1080",
      recovery: recovery("person", "proxy_refused", { class: "auth", then: "person" }),
    }),
    account("acc_0villas", "Villas", "+971502020303", "needs_attention", "server_error", 31, {
      recovery: recovery("rebuild", "server_error", { class: "unknown", at: new Date(Date.now() + 14 * MINUTE).toISOString(), failures: 19, person_called: true, breaker: { state: "open", errors: 5, until: new Date(Date.now() + 14 * MINUTE).toISOString() }, then: "person" }),
    }),
    account("acc_0spare", "Spare number", null, "new", "created", 3),
  ];
}

export function history() {
  const at = (m) => new Date(Date.now() - m * MINUTE).toISOString();
  return [
    { from: "connecting", to: "online", reason: reason("connected"), at: at(252) },
    { from: "recovering", to: "connecting", reason: reason("requested"), at: at(252.1) },
    { from: "online", to: "recovering", reason: reason("keepalive_timeout"), at: at(253) },
    { from: "connecting", to: "online", reason: reason("connected"), at: at(3_000) },
    { from: "linking", to: "connecting", reason: reason("linked"), at: at(3_001) },
    { from: "new", to: "linking", reason: reason("awaiting_scan"), at: at(3_002) },
    { from: null, to: "new", reason: reason("created"), at: at(3_003) },
  ];
}

let serial = 0;
export function message(conversation, account, direction, content, minutesAgo, more = {}) {
  serial += 1;
  const at = new Date(Date.now() - minutesAgo * MINUTE).toISOString();
  return {
    id: `msg_0${serial.toString(32).padStart(8, "0")}`,
    account,
    conversation,
    direction,
    origin: direction === "in" ? "live" : "sent",
    seq: serial,
    wire_id: `3EB0${serial.toString(16).toUpperCase().padStart(12, "0")}`,
    kind: content.kind,
    content,
    sender: direction === "in" ? { contact: null, name: null, address: null } : null,
    sent_at: at,
    received_at: at,
    state: direction === "out" ? "read" : null,
    failure: null,
    waiting: null,
    media: null,
    reactions: [],
    rule: null,
    edited_at: null,
    revoked_at: null,
    findings: {},
    ...more,
  };
}

const text = (body, quote) => ({ kind: "text", body, ...(quote ? { quote } : {}) });

export function conversations() {
  const talk = (id, account, title, address, kind = "direct") => ({ id, account, kind, title, address, contact: kind === "direct" ? id.replace("cnv", "ctc") : null, unread: 0, last_message: null });
  const list = [
    talk("cnv_0amira", "acc_0sales", "Amira Haddad", "+971501234567"),
    talk("cnv_0marina", "acc_0sales", "Marina viewing team", "120363041234567890@g.us", "group"),
    talk("cnv_0tom", "acc_0sales", "Tom Becker", "+491711234567"),
    talk("cnv_0priya", "acc_0lease", "Priya Nair", "+971559876543"),
    talk("cnv_0omar", "acc_0viewings", "عمر الفارسي", "+971502221133"),
    talk("cnv_0grace", "acc_0london", "Grace Whitfield", "+447700900123"),
    talk("cnv_0unknown", "acc_0sales", "+971 58 300 4411", "+971583004411"),
  ];
  const m = message;
  const amira = "cnv_0amira";
  const s = "acc_0sales";
  const offer = m(amira, s, "in", text("Is the two-bedroom in Marina Gate still free? We would like to see it this week."), 1_500, { sender: { name: "Amira Haddad", address: "+971501234567" } });
  const all = [
    offer,
    m(amira, s, "out", text("Good morning Amira! Yes, it is. Would *Thursday at 17:00* suit you?", { wire_id: offer.wire_id, sender: "+971501234567", text: offer.content.body }), 1_488),
    m(amira, s, "in", text("Thursday is perfect 👍"), 1_470, { sender: { name: "Amira Haddad", address: "+971501234567" }, reactions: [{ emoji: "🙏", by: "me" }] }),
    m(amira, s, "out", { kind: "image", caption: "The living room, facing the canal.", file_name: "living-room.jpg", mime: "image/jpeg" }, 64, { media: { state: "stored", bytes: 284_113 } }),
    m(amira, s, "out", { kind: "document", file_name: "Marina Gate 2 - floor plan.pdf", mime: "application/pdf" }, 63, { media: { state: "stored", bytes: 1_204_331 } }),
    m(amira, s, "in", text("Lovely. And the price is 185,000 a year?\nIs parking included?"), 12, { sender: { name: "Amira Haddad", address: "+971501234567" } }),
    m(amira, s, "out", text("Yes, AED 185,000 in up to four cheques, with one parking space."), 9, { state: "read", edited_at: new Date(Date.now() - 8 * MINUTE).toISOString() }),
    m(amira, s, "in", { kind: "voice", mime: "audio/ogg; codecs=opus", seconds: 14 }, 4, { sender: { name: "Amira Haddad", address: "+971501234567" }, media: { state: "stored", bytes: 31_221 } }),
    m("cnv_0tom", s, "in", { kind: "document", file_name: "villas.xlsx", mime: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" }, 150, { sender: { name: "Tom Becker", address: "+491711234567" }, media: { state: "stored", bytes: 18_402 } }),
    m("cnv_0priya", "acc_0lease", "in", { kind: "image", file_name: "notice.jpg", mime: "image/jpeg" }, 290, { sender: { name: "Priya Nair", address: "+971559876543" }, media: { state: "stored", bytes: 142_118 } }),
    m(amira, s, "out", text("I will bring the contract on Thursday."), 2, { state: "delivered" }),
    m("cnv_0marina", s, "in", text("Keys for 1204 are at the desk."), 33, { sender: { name: "Joseph", address: "+971503334455" } }),
    m("cnv_0marina", s, "in", text("Thanks, picking them up at four."), 31, { sender: { name: "Lena Fischer", address: "+971506667788" }, reactions: [{ emoji: "👍" }, { emoji: "👍" }] }),
    m("cnv_0marina", s, "in", text("removed"), 30, { sender: { name: "Joseph", address: "+971503334455" }, revoked_at: new Date(Date.now() - 29 * MINUTE).toISOString() }),
    m("cnv_0tom", s, "in", text("Guten Tag, do you also have villas in Jumeirah Park?"), 185, { sender: { name: "Tom Becker", address: "+491711234567" } }),
    m("cnv_0grace", "acc_0london", "out", text("Hello Grace, we are here Sunday to Thursday, 9:00 to 18:00."), 2_899, { rule: { id: "rul_0hours", name: "Opening hours", answers: "msg_0" } }),
    m("cnv_0grace", "acc_0london", "out", text("The keys are at the desk."), 2_800, { state: "held", waiting: { code: "held", text: "This database was restored from a backup, so nobody knows whether the message went out. Release it to send it under its first id, or cancel it." } }),
    m("cnv_0tom", s, "out", text("Hello Tom, we do. A colleague will call you today."), 184, { state: "server", origin: "own" }),
    m("cnv_0priya", "acc_0lease", "in", text("The renewal papers, please"), 300, { sender: { name: "Priya Nair", address: "+971559876543" } }),
    m("cnv_0priya", "acc_0lease", "out", text("Here they come."), 3, { state: "failed", failure: { code: "restricted", text: "WhatsApp does not let this account start new chats for now; wait, or send from another account." } }),
    m("cnv_0omar", "acc_0viewings", "in", text("مرحبا، هل الشقة متاحة يوم الأحد؟"), 47, { sender: { name: "عمر الفارسي", address: "+971502221133" } }),
    m("cnv_0omar", "acc_0viewings", "out", text("نعم، أهلا وسهلا. الساعة الخامسة؟"), 1, { state: "accepted", waiting: { code: "not_connected", text: "Viewings is not connected; it goes out when it is back", until: new Date(Date.now() + 34_000).toISOString() } }),
    m("cnv_0grace", "acc_0london", "in", text("Speak on Monday then."), 2_900, { sender: { name: "Grace Whitfield", address: "+447700900123" } }),
    m("cnv_0unknown", s, "in", { kind: "placeholder" }, 20, { sender: { name: null, address: "+971583004411" } }),
  ];
  list.find((c) => c.id === "cnv_0marina").unread = 3;
  list.find((c) => c.id === "cnv_0omar").unread = 1;
  return { list, messages: all };
}

/** What was read of files, by their names or kinds. */
export const fileTexts = {
  "villas.xlsx": {
    text: "Villa\tBeds\tPrice\nJumeirah Park 14\t4\t5200000\nArabian Ranches 7\t3\t3150000",
    tables: [{ name: "Villas", rows: [["Villa", "Beds", "Price"], ["Jumeirah Park 14", "4", "5200000"], ["Arabian Ranches 7", "3", "3150000"]] }],
  },
  "notice.jpg": { text: "Tenancy renewal notice\nThe contract ends on 31 March.", size: { width: 1_080, height: 1_440 }, copies: 2 },
  voice: { state: "skipped", error: "no speech service is set; see media.speech_url" },
};

export function contacts() {
  const at = (d) => new Date(Date.now() - d * 24 * HOUR).toISOString();
  const one = (id, title, phone, lid, days, more = {}) => ({
    id, title, name: null, push_name: title, phone, lid, created_at: at(days), updated_at: at(days / 2), merged_into: null,
    aliases: [{ address: lid, valid_from: at(days / 2), valid_to: null }, { address: phone, valid_from: at(days), valid_to: null }].filter((a) => a.address), ...more,
  });
  return [
    one("ctc_0amira", "Amira Haddad", "+971501234567", "881234567001@lid", 12, { name: "Amira Haddad", push_name: "Amira 🌸", aliases: [
      { address: "+971501234567", valid_from: at(12), valid_to: null },
      { address: "881234567001@lid", valid_from: at(12), valid_to: null },
      { address: "+971528887766", valid_from: at(400), valid_to: at(12) },
    ] }),
    one("ctc_0tom", "Tom Becker", "+491711234567", "881234567002@lid", 1),
    one("ctc_0priya", "Priya Nair", "+971559876543", null, 30),
    one("ctc_0omar", "عمر الفارسي", "+971502221133", "881234567004@lid", 44),
    one("ctc_0grace", "Grace Whitfield", null, "881234567005@lid", 60),
    one("ctc_0amira2", "+971 52 888 7766", "+971528887766", null, 400, { merged_into: "ctc_0amira" }),
  ];
}

export function merges() {
  return [{ id: "7001", into: "ctc_0amira", from: "ctc_0amira2", at: new Date(Date.now() - 12 * 24 * HOUR).toISOString(), undone_at: null }];
}

export function groups() {
  const address = "120363041234567890@g.us";
  const member = (name, address, role = "member", contact = null) => ({ name, address, role, contact });
  return [
    { id: `acc_0sales:${address}`, account: "acc_0sales", address, subject: "Marina viewing team", description: "Keys, times and who shows what.", joined: true, conversation: "cnv_0marina", updated_at: new Date(Date.now() - HOUR).toISOString(),
      members: [member("Joseph", "+971503334455", "owner"), member("Lena Fischer", "+971506667788", "admin"), member("Amira Haddad", "+971501234567", "member", "ctc_0amira"), member(null, "+971589990011")] },
    { id: "acc_0lease:120363040000000001@g.us", account: "acc_0lease", address: "120363040000000001@g.us", subject: "Renewals 2026", description: null, joined: false, conversation: null, updated_at: new Date(Date.now() - 90 * HOUR).toISOString(), members: [member(null, "+971551112222", "owner")] },
    { id: "acc_0lease:120363040000000002@g.us", account: "acc_0lease", address: "120363040000000002@g.us", subject: "Owners of Marina Gate 2", description: "For owners only. Be kind.", joined: true, conversation: null, updated_at: new Date(Date.now() - 3 * MINUTE).toISOString(), members: [member("Yusuf", "+971551112222", "owner"), member(null, "+971551112223"), member(null, "+971551112224")] },
  ];
}

export function rules() {
  const base = { account: null, scope: "direct", max_age: 600_000, enabled: true, created_at: new Date().toISOString() };
  return [
    { ...base, id: "rul_0hours", name: "Opening hours", position: 10, matches: { on: "any_word", words: ["hours", "open", "opening"] }, answer: "Hello {name}, we are here Sunday to Thursday, 9:00 to 18:00." },
    { ...base, id: "rul_0faq", name: "Location", position: 20, matches: { on: "contains", text: "where are you" }, answer: "Marina Plaza, 27th floor. Parking is free for visitors." },
    { ...base, id: "rul_0echo", name: "Echo (testing)", position: 90, account: "acc_0spare", matches: { on: "starts_with", text: "echo" }, answer: "{text}", enabled: false, scope: "everywhere" },
  ];
}

export function deadLetters() {
  const at = (m) => new Date(Date.now() - m * MINUTE).toISOString();
  return [
    { id: "ddl_01", account: "acc_0lease", conversation: "cnv_0priya", message: "msg_00000000g", stage: "send", error: "The file could not be uploaded: the media host answered 503 three times.", state: "pending", attempts: 3, created_at: at(14), payload: { kind: "document", file_name: "renewal.pdf", to: "+971559876543" } },
    { id: "ddl_02", account: "acc_0sales", conversation: "cnv_0tom", message: "msg_00000000e", stage: "language", error: "The text is longer than 262,144 bytes after decoding.", state: "manual_review", attempts: 3, created_at: at(220), payload: { kind: "text", body: "Guten Tag, …" } },
    { id: "ddl_03", account: "acc_0sales", conversation: null, message: null, stage: "media", error: "The picture is damaged: unexpected end of file.", state: "archived", attempts: 3, created_at: at(3_000), payload: { kind: "image" } },
  ];
}

export function webhooks() {
  return [
    { id: "whk_0crm", url: "https://crm.example.com/hooks/waypost", description: "CRM", kinds: ["message.received", "message.state"], account: null, enabled: true, disabled_reason: null, created_at: new Date(Date.now() - 9e8).toISOString(), succeeded_at: new Date(Date.now() - 4e4).toISOString(), failing_since: null, previous_secret_until: null },
    { id: "whk_0old", url: "https://old.example.com/in", description: "Old reporting", kinds: [], account: "acc_0sales", enabled: false, disabled_reason: "gone", created_at: new Date(Date.now() - 9e9).toISOString(), succeeded_at: null, failing_since: new Date(Date.now() - 8e8).toISOString(), previous_secret_until: null },
  ];
}

export function deliveries() {
  const at = (s) => new Date(Date.now() - s * 1000).toISOString();
  return [
    { id: "dlv_1", event: "evt_01", kind: "message.received", at: at(40), attempt: 1, status: 200, duration_ms: 84, error: null, response: "ok" },
    { id: "dlv_2", event: "evt_02", kind: "message.state", at: at(95), attempt: 2, status: 204, duration_ms: 61, error: null, response: "" },
    { id: "dlv_3", event: "evt_02", kind: "message.state", at: at(120), attempt: 1, status: 503, duration_ms: 1_204, error: "503 Service Unavailable: busy", response: "" },
    { id: "dlv_4", event: "evt_03", kind: null, at: at(4_000), attempt: 1, status: null, duration_ms: 15_000, error: "No answer within 15 s.", response: "" },
  ];
}

export function blocked() {
  return [{ conversation: "cnv_0priya", waiting: 3, attempts: 2, next_at: new Date(Date.now() + 240_000).toISOString(), last_error: "503 Service Unavailable: busy" }];
}

export function keys() {
  return [
    { id: "key_0crm", name: "CRM connector", scopes: ["messages:read", "messages:send", "conversations:read", "events:read"], created_at: new Date(Date.now() - 8e9).toISOString(), expires_at: null, last_used_at: new Date(Date.now() - 42_000).toISOString() },
    { id: "key_0bi", name: "Monthly report", scopes: ["accounts:read", "messages:read"], created_at: new Date(Date.now() - 4e9).toISOString(), expires_at: new Date(Date.now() + 4e8).toISOString(), last_used_at: null },
  ];
}

/** Words that the mock takes for values, with their kind and normal form; the server reads real sentences. */
const VALUES = [
  [/\b2BR\b/gu, "bedrooms", () => "2"],
  [/\bJVC\b/gu, "location", () => "Jumeirah Village Circle"],
  [/دبي مارينا/gu, "location", () => "Dubai Marina"],
  [/\b85k\b/gu, "money", () => "AED 85000"],
  [/120 ألف درهم/gu, "money", () => "AED 120000"],
  [/\btomorrow 5pm\b/gu, "datetime", () => "2026-11-22T17:00+04:00"],
  [/\b05\d \d{3} \d{4}\b/gu, "phone", (text) => `+971${text.replaceAll(" ", "").slice(1)}`],
];

/** What a message means, as far as a mock can tell. */
export function analysis(text) {
  const points = (before) => Array.from(before).length;
  const entities = VALUES.flatMap(([pattern, kind, value]) =>
    [...text.matchAll(pattern)].map((m) => ({ kind, value: value(m[0]), text: m[0], start: points(text.slice(0, m.index)), end: points(text.slice(0, m.index + m[0].length)), confidence: 0.92, source: kind === "location" ? "gazetteer" : "rule" })),
  ).sort((a, b) => a.start - b.start);
  const angry = /leak|again!/i.test(text);
  const glad = /thank|lovely/i.test(text);
  return {
    entities,
    intent: { name: angry ? "complaint" : glad ? "thanks" : /\?|؟/.test(text) ? "viewing_request" : "unclear", confidence: angry || glad ? 0.94 : 0.71 },
    sentiment: { score: angry ? -0.72 : glad ? 0.81 : 0.05, label: angry ? "negative" : glad ? "positive" : "neutral" },
    urgency: angry ? "high" : "normal",
    language: /[\u0600-\u06FF]/.test(text) ? "ar" : "en",
    truncated: false,
  };
}

/** What a Baileys session would bring. */
export function imported(creds, parts, name) {
  const count = (prefix) => Object.keys(parts).filter((file) => file.startsWith(prefix)).length;
  const phone = `+${String(creds.me.id).split(/[:@]/)[0]}`;
  return {
    phone,
    lid: creds.me.lid ?? null,
    device: Number(/:(\d+)@/.exec(creds.me.id)?.[1] ?? 0),
    push_name: creds.me.name ?? "",
    account_name: name ?? creds.me.name ?? phone,
    account: null,
    brings: { sessions: count("session-"), identities: count("identity-"), one_time_keys: count("pre-key-"), sender_keys: count("sender-key-"), sync_keys: count("app-state-sync-key-"), sync_collections: count("app-state-sync-version-"), address_pairs: count("lid-mapping-"), contact_tokens: count("tctoken-"), message_secrets: 0 },
    left_out: [{ what: "device lists", count: count("device-list-"), why: "they are asked for again" }].filter((l) => l.count > 0),
    refused: null,
  };
}
