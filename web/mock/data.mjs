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
  proxy_unreachable: "This account's proxy gives no way to WhatsApp (the proxy cannot be reached); check it or set another. Waypost tries again, and never connects without it.",
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

const FACTORS = [
  ["uptime", 30, "percent", [99.9, 99, 95, 90]],
  ["qr_quality", 25, "percent", [1, 5, 10, 15]],
  ["error_rate", 20, "percent", [0.1, 1, 5, 10]],
  ["response", 15, "seconds", [5, 10, 30, 60]],
  ["message_success", 10, "percent", [99, 95, 90, 85]],
];
const FACTOR_TEXTS = {
  uptime: (v, of) => (v === null ? "The account has not been online long enough to say." : `Online ${v} % of the ${of} minutes that it should have been; full marks from 99.9 %.`),
  qr_quality: (v, of) => (v === null ? "No QR code was shown lately." : `Of ${of} codes shown, ${v} % were new sets because nobody scanned; full marks up to 1 %.`),
  error_rate: (v, of) => (v === null ? "Too little was done lately to speak of errors." : `Of ${of} attempts to process, send or connect ${v} % failed; full marks up to 0.1 %.`),
  response: (v, of) => (v === null ? "Too few messages were sent lately to say how fast." : `${of} messages were accepted by WhatsApp after ${v} s on average; full marks up to 5 s.`),
  message_success: (v, of) => (v === null ? "Too few messages went through lately to say." : `Of ${of} messages ${v} % came through; full marks from 99 %.`),
};

/** Figures and points of each factor by how the account is: [value, of, points]. */
function figures(account) {
  if (account.state === "new") return FACTORS.map(() => [null, null, 50]);
  if (account.state === "online") return [[99.97, 1440, 100], [0, 12, 100], [0.04, 5120, 100], [1.3, 812, 100], [null, null, 50]];
  return [[93.2, 1440, 20], [8.3, 24, 50], [6.4, 940, 20], [12.5, 220, 50], [98.1, 640, 80]];
}

/** How well an account does, as the server computes it. */
export function health(account) {
  const factors = FACTORS.map(([factor, weight_percent, unit, marks], at) => {
    const [value, of, points] = figures(account)[at];
    return { factor, weight_percent, unit, marks, value, of, points, lowered: value === null ? 0 : ((100 - points) * weight_percent) / 100, text: FACTOR_TEXTS[factor](value, of) };
  });
  const score = Math.round(factors.reduce((sum, f) => sum + f.points * f.weight_percent, 0) / 100);
  const known_percent = factors.reduce((sum, f) => sum + (f.value === null ? 0 : f.weight_percent), 0);
  const word = score >= 90 ? "excellent" : score >= 75 ? "good" : score >= 60 ? "fair" : score >= 40 ? "poor" : "critical";
  const falling = score < 60 && known_percent >= 30;
  return {
    score,
    rating: known_percent < 30 ? "unknown" : word,
    known_percent,
    wants_diagnosis: known_percent >= 30 && score < 70,
    factors,
    lowered_by: factors.filter((f) => f.lowered > 0).sort((a, b) => b.lowered - a.lowered).map((f) => f.factor),
    trend: { direction: known_percent < 30 ? "unknown" : falling ? "falling" : "steady", per_hour: falling ? -4 : 0, ahead: [], falls_below: falling && score > 40 ? { at: new Date(Date.now() + 2 * HOUR).toISOString(), score: 40 } : null },
    dropped_from: falling ? score + 14 : null,
    computed_at: new Date().toISOString(),
  };
}
export function healthSummary(account) {
  const { score, rating, trend, lowered_by } = health(account);
  return { score, rating, trend: trend.direction, lowered_by: lowered_by[0] ?? null };
}
/** Sixteen hours of scores, newest first. */
export function healthHistory(account) {
  const { score, rating, factors } = health(account);
  if (rating === "unknown") return [];
  const points = Object.fromEntries(factors.map((f) => [f.factor, f.value === null ? null : f.points]));
  const fell = account.state === "online" ? 0 : 14;
  return Array.from({ length: 192 }, (_, n) => ({ at: new Date(Date.now() - n * 5 * MINUTE).toISOString(), score: Math.min(100, score + (n > 8 ? fell : 0) - (n % 37 === 5 ? 4 : 0)), rating, points }));
}

/** How long stages and parts take. */
export function performance() {
  const timing = (of, name, budget_ms, p50_ms, p95_ms, longest_ms, more = {}) => ({ of, name, budget_ms, count: 1840, p50_ms, p95_ms, p99_ms: longest_ms / 2, longest_ms, over_budget: budget_ms === null ? null : 0, ordinary_p95_ms: p95_ms, anomaly: null, ...more });
  const slow = { p95_ms: 41.2, over_budget: 12, anomaly: { at: new Date(Date.now() - 2 * MINUTE).toISOString(), p95_ms: 41.2, ordinary_ms: 4.4, deviations: 11.3 } };
  return {
    stages: [timing("stage", "session", 50, 0.05, 0.2, 3.1), timing("stage", "conversation", 150, 0.6, 1.4, 8.9), timing("stage", "resilience", 50, 2.1, 4.4, 88, slow), timing("stage", "performance", 100, 0.4, 2, 9)],
    parts: [timing("part", "entities", null, 0.21, 0.62, 3.2), timing("part", "intent", null, 0.11, 0.31, 1.9), timing("part", "sentiment", null, 0.02, 0.05, 0.4, { count: 12, ordinary_p95_ms: null })],
  };
}

/** How loaded the machine is. */
export function systemLoad(level = "none") {
  const shed = level !== "none";
  return {
    level,
    since: shed ? new Date(Date.now() - 2 * MINUTE).toISOString() : null,
    cause: shed ? { gauge: "cpu", value: 93.3, mark: 80 } : null,
    shedding: true,
    gauges: [
      { gauge: "cpu", percent: shed ? 93.3 : 21.5, sheds_at: 80, recovers_at: 50 },
      { gauge: "memory", percent: 44.1, sheds_at: 85, recovers_at: 70 },
      { gauge: "errors", percent: null, sheds_at: 30, recovers_at: 10 },
    ],
    put_off: shed ? 37 : 0,
    measured_at: new Date().toISOString(),
    text: shed ? "What is nice to have is put off because the processors are 93 %; it is done once the load has fallen. Messages, replies and sends go on." : "Everything is done at once.",
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

/** What is known of a proxy. */
export function proxyState(state, code = null) {
  const now = Date.now();
  const failing_since = state === "failing" ? new Date(now - 8 * MINUTE).toISOString() : null;
  return { state, reason: code && reason(code), checked_at: new Date(now - 20_000).toISOString(), failing_since, next_check_at: new Date(now + 3 * MINUTE).toISOString() };
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
    proxy_state: null,
    created_at: new Date(now - 40 * 24 * HOUR).toISOString(),
    counts: { waiting_to_send: 0, unfinished: 0, missing: 0 },
    ...more,
  };
}

export function accounts() {
  const soon = new Date(Date.now() + 34_000).toISOString();
  return [
    account("acc_0sales", "Sales Dubai", "+971505760056", "online", "connected", 4 * 60 + 12),
    account("acc_0lease", "Leasing desk", "+971505551200", "online", "connected", 26 * 60, { counts: { waiting_to_send: 2, unfinished: 1, missing: 2 } }),
    account("acc_0viewings", "Viewings", "+971524417788", "recovering", "connection_lost", 1, { next_attempt_at: soon, counts: { waiting_to_send: 7, unfinished: 0, missing: 0 }, recovery: recovery("reconnect", "connection_lost", { at: soon, failures: 6 }) }),
    account("acc_0service", "After-sales", "+971501209944", "logged_out", "device_removed", 95, { counts: { waiting_to_send: 3, unfinished: 0, missing: 0 }, recovery: recovery("relink_qr", "device_removed", { class: "auth", since: new Date(Date.now() - 95 * MINUTE).toISOString() }) }),
    account("acc_0abu", "Abu Dhabi office", "+971561112233", "degraded", "backpressure", 6, { counts: { waiting_to_send: 0, unfinished: 212, missing: 0 } }),
    account("acc_0london", "London partners", "+442079460018", "online", "connected", 9 * 24 * 60, { role: "secondary", priority: 20, proxy: "http://london:***@proxy.example.com:3128", proxy_state: proxyState("failing", "proxy_unreachable") }),
    account("acc_0night", "Night shift", "+971508889900", "disabled", "requested", 13 * 60),
    account("acc_0airport", "Airport desk", "+971504445566", "degraded", "phone_offline", 70, { phoneAway: 11.6 * DAY, reason: { ...reason("phone_offline"), until: new Date(Date.now() + 2.4 * DAY).toISOString() } }),
    account("acc_0events", "Events", "+971507778899", "degraded", "restricted", 25),
    account("acc_0abroad", "Berlin office", "+4930123456", "needs_attention", "proxy_refused", 8, {
      proxy: "socks5://berlin:***@proxy.example.com:1080",
      proxy_state: proxyState("failing", "proxy_refused"),
      recovery: recovery("person", "proxy_refused", { class: "auth", then: "person" }),
    }),
    account("acc_0villas", "Villas", "+971502020303", "needs_attention", "server_error", 31, {
      recovery: recovery("rebuild", "server_error", { class: "unknown", at: new Date(Date.now() + 14 * MINUTE).toISOString(), failures: 19, person_called: true, breaker: { state: "open", errors: 5, until: new Date(Date.now() + 14 * MINUTE).toISOString() }, then: "person" }),
    }),
    account("acc_0spare", "Spare number", null, "new", "created", 3),
  ];
}

/** What an account may still send. */
export function sending(account) {
  const waiting = account.counts.waiting_to_send;
  const base = { unasked: { used: 31, limit: 200 }, new_chats: { used: 6, limit: 20 }, share_percent: 100, warm_up_day: null, restriction: null, waiting: [] };
  const why = (code, text, count, until = null) => ({ code, text, count, until });
  const away = "The account is not connected; it goes out as soon as it is online again.";
  if (account.id === "acc_0events") {
    const until = new Date(Date.now() + 5.2 * HOUR).toISOString();
    const barred = "WhatsApp does not let this number start new chats for now; it goes out by itself afterwards. Chats that exist are not held up.";
    return { ...base, new_chats: { used: 8, limit: 8 }, unasked: { used: 70, limit: 80 }, share_percent: 40, warm_up_day: 9, restriction: { until, source: "inferred" }, waiting: [why("restricted", barred, 4, until)] };
  }
  if (account.id === "acc_0lease") {
    const paced = "New chats keep a distance from each other; this one is next in its turn.";
    return { ...base, unasked: { used: 34, limit: 40 }, new_chats: { used: 2, limit: 4 }, share_percent: 20, warm_up_day: 5, waiting: [why("new_chat_limit", paced, 1, new Date(Date.now() + 4 * MINUTE).toISOString()), why("in_flight", "Sent; waiting for WhatsApp's server to accept it.", 1)] };
  }
  return { ...base, waiting: waiting > 0 ? [why("not_connected", away, waiting)] : [] };
}

/** The device that an account is linked as. */
export function device(account, life) {
  const none = { session: { state: "missing", text: "No device is linked; link this account.", conversations: 0, group_keys: 0, one_time_keys: 0 }, address: null, lid: null, device: null, shown_as: null, platform: null, push_name: null, registration_id: null, version: null, linked_at: null, last_seen_at: null, phone_seen_at: null, phone_limit_at: null };
  if (!account.phone) return none;
  const number = account.phone.replace(/\D/g, "");
  return {
    session: { state: "valid", text: "The session is whole.", conversations: 412, group_keys: 38, one_time_keys: 731 },
    address: `${number}:7@s.whatsapp.net`,
    lid: account.lid?.replace("@", ":7@") ?? null,
    device: 7,
    shown_as: "Waypost",
    platform: "Chrome",
    push_name: account.name,
    registration_id: 20411,
    version: "2.3000.1029496320",
    linked_at: account.created_at,
    last_seen_at: life.heard_at,
    phone_seen_at: life.phone_seen_at,
    phone_limit_at: life.phone_limit_at,
  };
}

/** What went through an account. */
export function stats(account, hours) {
  const days = hours / 24;
  const times = (count, median_ms, p95_ms) => ({ count, median_ms, p95_ms });
  const none = times(0, null, null);
  const base = { since: new Date(Date.now() - hours * HOUR).toISOString(), received: 0, sent: 0, sent_elsewhere: 0, failed: 0, waiting: account.counts.waiting_to_send, dead_letters: 0, handled: none, accepted: none, delivered: none, links: {} };
  if (!account.phone) return base;
  const of = (daily) => Math.round(daily * days);
  return { ...base, received: of(214), sent: of(187), sent_elsewhere: of(22), failed: account.id === "acc_0viewings" ? 3 : 0, dead_letters: account.id === "acc_0viewings" ? 1 : 0, handled: times(214, 6, 21), accepted: times(187, 212, 840), delivered: times(171, 1_420, 38_000), links: hours > 24 ? { linked: 1, expired: 1 } : {} };
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

/** The pipeline after some hours of work. */
export function pipeline() {
  const none = { count: 0, p50_us: null, p95_us: null, p99_us: null };
  const part = (name, title, cls, over = {}) => ({ name, title, class: cls, switchable: cls !== "critical", standing: "on", latency: null, outcomes: {}, ...over });
  const measured = (p50, p99, outcomes) => ({ latency: { count: 18_204, p50_us: p50, p95_us: p99 - 20, p99_us: p99 }, outcomes });
  const stage = (name, budget_ms, latency, overruns, parts) => ({ name, switch: "on", budget_ms, latency, overruns, parts });
  return {
    stages: [
      stage("session", 50, { count: 18_204, p50_us: 3, p95_us: 11, p99_us: 895 }, 0, [part("session_lock", "Session lock", "critical"), part("message_queue", "Durable message queue", "critical"), part("session_state", "Session state", "critical"), part("health_monitor", "Client health monitor", "critical"), part("health_scorer", "Health scorer", "nice_to_have")]),
      stage("conversation", 150, { count: 18_204, p50_us: 191, p95_us: 511, p99_us: 1_279 }, 2, [
        part("entities", "Hybrid entity extractor", "important", measured(55, 223, { found: 9_120, nothing: 8_700, no_text: 384 })),
        part("flow", "Flow analyser", "important", measured(3, 13, { found: 802, nothing: 17_018 })),
        part("intent", "Intent classifier", "important", measured(47, 159, { found: 14_233, nothing: 3_587 })),
        part("sentiment", "Sentiment analyser", "nice_to_have", measured(11, 39, { found: 6_020, nothing: 11_800 })),
        part("threads", "Thread service", "important", measured(2, 9, { found: 1_310, nothing: 16_510 })),
      ]),
      stage("media", 200, none, 0, [part("ocr", "Image OCR", "nice_to_have"), part("transcription", "Audio transcription", "nice_to_have"), part("documents", "Document parser", "nice_to_have"), part("gallery", "Media gallery", "critical")]),
      stage("resilience", 50, { count: 18_204, p50_us: 2_047, p95_us: 5_119, p99_us: 9_215 }, 31, [part("dead_letters", "Dead-letter queue", "critical"), part("write_back_dedup", "Write-back deduplicator", "critical"), part("sheets_breaker", "Sheets circuit breaker", "critical"), part("ordering", "Message ordering", "critical"), part("degradation", "Degradation strategy", "critical")]),
      stage("performance", 100, { count: 18_204, p50_us: 0, p95_us: 2_047, p99_us: 14_335 }, 0, [part("parallelizer", "Parallelizer", "critical"), part("sheets_cache", "Sheets cache", "critical"), part("batch_sending", "Batch-sending optimiser", "critical"), part("performance_monitor", "Performance monitor", "critical")]),
    ],
    shed: "none", stage_events: "off", own: "off", history: "off", unfinished: 3, dead_letters: 1,
  };
}

/** The lists that messages are read by. */
export function insightSets() {
  const set = (name, format, content) => ({ name, format, edited: false, changed_at: null, bytes: content.length, content });
  return [
    set("places", "yaml", "projects:\n  - name: Marina Gate\n    also: [marina gate 1]\nlocations:\n  - name: Jumeirah Village Circle\n    also: [JVC]\n"),
    set("names", "yaml", "names: [Ana, Omar, Priya]\n"),
    set("feelings", "yaml", "words:\n  - value: 2.5\n    words: great lovely\n"),
    set("intents", "yaml", "nlu:\n  - intent: viewing_request\n    examples: |\n      - can I see it tomorrow?\n"),
    set("labelled", "jsonl", '{"text": "can we visit on friday", "intent": "viewing_request"}\n'),
  ];
}

/** What the parts made of a message. */
export function explanation(message) {
  const text = message.content.body ?? message.content.caption ?? "";
  if (message.direction === "out" || !text) return { message: message.id, processed: false, text: "It went out from this account; only what arrives goes through the stages.", processed_at: null, parts: [], language: null, reply: null, partial: [], thread: null };
  const read = analysis(text);
  const part = (name, title, outcome, text, took_us, decided) => ({ part: name, title, outcome, text, took_us, decided });
  return {
    message: message.id, processed: true, text: "It went through the stages.", processed_at: message.received_at, language: { code: "eng", confidence: 0.97 }, reply: { reply: "no_match" }, partial: [], thread: 1,
    parts: [
      part("entities", "Hybrid entity extractor", read.entities.length > 0 ? "found" : "nothing", read.entities.length > 0 ? "It found something." : "It looked and found nothing.", 61, read.entities.length > 0 ? read.entities : null),
      part("intent", "Intent classifier", "found", "It found something.", 48, read.intent),
      part("sentiment", "Sentiment analyser", "found", "It found something.", 12, { ...read.sentiment, urgency: read.urgency }),
      part("flow", "Flow analyser", "nothing", "It looked and found nothing.", 3, { score: 0.2, switched: false, signs: ["gap"] }),
      part("threads", "Thread service", "nothing", "It looked and found nothing.", 2, { number: 1, how: "continued" }),
    ],
  };
}

/** The matters of a conversation. */
export function threads(messages) {
  const [first, last] = [messages[0], messages.at(-1)];
  if (!first) return [];
  return [
    { number: 2, opened_at: last.sent_at, last_at: last.sent_at, closed_at: null, messages: 2, first_message: last.id, last_message: last.id, subjects: [{ kind: "project", value: "Arabian Ranches" }, { kind: "bedrooms", value: "3" }] },
    { number: 1, opened_at: first.sent_at, last_at: first.sent_at, closed_at: first.sent_at, messages: Math.max(1, messages.length - 2), first_message: first.id, last_message: first.id, subjects: [{ kind: "unit", value: "1203" }, { kind: "project", value: "Marina Gate" }] },
  ];
}

export function rules() {
  const base = { account: null, when: { intents: [], mentions: [], feeling: null, urgency: null, files: "ignored" }, scope: "direct", max_age: 600_000, enabled: true, created_at: new Date().toISOString() };
  return [
    { ...base, id: "rul_0hours", name: "Opening hours", position: 10, matches: { on: "any_word", words: ["hours", "open", "opening"] }, answer: "Hello {name}, we are here Sunday to Thursday, 9:00 to 18:00." },
    { ...base, id: "rul_0faq", name: "Location", position: 20, matches: { on: "contains", text: "where are you" }, answer: "Marina Plaza, 27th floor. Parking is free for visitors." },
    { ...base, id: "rul_0upset", name: "Upset", position: 30, matches: { on: "any" }, when: { intents: ["complaint"], mentions: [], feeling: "negative", urgency: "high", files: "ignored" }, answer: "We are sorry, {name}. Somebody calls you within the hour." },
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

/** Messages that never came; one account has a hole that was half filled. */
export function gaps(account) {
  const missing = account.counts.missing ?? 0;
  const at = (minutes) => new Date(Date.now() - minutes * MINUTE).toISOString();
  const base = { chat: null, wire_id: null, since: at(190), until: at(95), filled_at: null, attempts: 1, next_attempt_at: null };
  const announced = { ...base, kind: "announced", text: "WhatsApp announced more messages kept while the account was away than it delivered.", state: "open", missing, expected: 5, filled: 5 - missing, found_at: at(95), next_attempt_at: new Date(Date.now() + 4 * MINUTE).toISOString() };
  const edited = { ...base, kind: "edited", text: "A message was changed that is not here.", state: "filled", chat: "+971501112233", wire_id: "3EB0C1D2", missing: 0, expected: 1, filled: 1, found_at: at(2_000), filled_at: at(1_999) };
  return { missing, filled: missing > 0 ? 6 - missing : 0, doubtful: 0, items: missing > 0 ? [announced, edited] : [], next: null };
}
