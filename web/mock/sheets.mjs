// Google Sheets of the mock: connections, mappings, previews.

const MINUTE = 60_000;
const ago = (minutes) => new Date(Date.now() - minutes * MINUTE).toISOString();

const EVENT = {
  id: "evt_0000000000abc",
  type: "message.received",
  at: "2026-11-21T09:12:00.000Z",
  account: "acc_0sales",
  conversation: "cnv_0mariam",
  data: { sender_name: "Mariam", content: { kind: "text", body: "=SUM(A1:A9) is the villa still free?" } },
  message: null,
};
const COLUMNS = [
  { header: "Event", from: "event_id", missing: "blank" },
  { header: "When", from: "time", path: "/at", zone: "Asia/Dubai", missing: "blank" },
  { header: "From", from: "path", path: "/data/sender_name", missing: "blank" },
  { header: "Text", from: "path", path: "/data/content/body", missing: "refuse" },
];

function connections() {
  const saved = { operations: 4_210, calls: 312, cache_hits: 1_890, cache_misses: 77, cache_bytes: 481_000 };
  return [
    { id: "gsc_0sales", name: "Sales sheets", identity: "writer@waypost-demo.iam.gserviceaccount.com", created_at: ago(90_000), breakers: [], saved },
    { id: "gsc_0old", name: "Old reports", identity: "reports@waypost-demo.iam.gserviceaccount.com", created_at: ago(190_000), breakers: [{ spreadsheet: "1oldReports", state: "open", until: ago(-1) }], saved: { ...saved, operations: 40, calls: 38 } },
  ];
}

function mappings() {
  const base = { connection: "gsc_0sales", spreadsheet: "1leadsOfTheYear", tab: "Leads", kinds: ["message.received"], account: null, columns: COLUMNS, repetition_window_s: null, enabled: true, paused_at: null, created_at: ago(80_000) };
  return [
    { ...base, id: "gsm_0leads", name: "Leads", rows: { waiting: 0, in_doubt: 0, done: 3_874, failed: 0, duplicate: 12 } },
    { ...base, id: "gsm_0old", name: "Monthly report", connection: "gsc_0old", tab: "November", kinds: ["message.state", "account.state"], rows: { waiting: 17, in_doubt: 1, done: 120, failed: 3, duplicate: 0 } },
  ];
}

/** Rows that Google refused. */
const refused = ["Ana", "Ben", "Chloe"].map((name, n) => ({
  event: `evt_0row${n}`,
  destination: "1oldReports/November",
  state: "failed",
  cells: [`evt_0row${n}`, name],
  attempts: 8,
  last_error: "Google answered 403: the spreadsheet is not shared with us",
  place: null,
  created_at: ago(200),
  updated_at: ago(100),
}));

/** The first value that a JSON pointer finds. */
function at(pointer) {
  return pointer.split("/").slice(1).reduce((value, key) => value?.[key], EVENT);
}

function preview({ columns }) {
  const cell = (c) => ({ event_id: EVENT.id, literal: c.text, time: "2026-11-21 13:12:00" })[c.from] ?? at(c.path ?? "") ?? "";
  const blank = columns.find((c) => c.missing === "refuse" && cell(c) === "");
  const headers = columns.map((c) => c.header);
  if (blank) return { headers, cells: null, error: `the event has nothing for the column ${blank.header}, which must not be blank`, event: EVENT };
  return { headers, cells: columns.map((c) => String(cell(c))), error: null, event: EVENT };
}

export class Sheets {
  constructor({ fresh, id, page, found, Refusal }) {
    Object.assign(this, { id, page, found, Refusal });
    this.connections = fresh ? [] : connections();
    this.mappings = fresh ? [] : mappings();
    this.refused = [...refused];
  }

  handle(m, b, c, d, body, q) {
    if (b === "connections") return this.connectionRoutes(m, c, d, body, q);
    if (b === "mappings") return this.mappingRoutes(m, c, d, body, q);
    if (b === "preview") {
      const ids = body.columns.filter((one) => one.from === "event_id").length;
      if (ids !== 1) throw new this.Refusal(422, "invalid", "Exactly one column holds the event's id; by it a row is found again.", "columns");
      return [200, preview(body)];
    }
    throw new this.Refusal(404, "not_found", "There is no such route.");
  }

  connectionRoutes(m, c, d, body, q) {
    if (!c && m === "GET") return [200, this.page(this.connections, q)];
    if (!c) {
      if (body.key_file?.type !== "service_account") throw new this.Refusal(422, "invalid", 'This is not a key file from Google; it is JSON with "type": "service_account" or "authorized_user".', "key_file");
      const saved = { operations: 0, calls: 0, cache_hits: 0, cache_misses: 0, cache_bytes: 0 };
      const made = { id: this.id("gsc"), name: body.name, identity: body.key_file.client_email, created_at: ago(0), breakers: [], saved };
      this.connections.push(made);
      return [201, made];
    }
    const one = this.found(this.connections.find((x) => x.id === c), "sheet connection");
    if (d === "test") return [200, { works: true, error: null }];
    if (d === "reset") one.breakers = one.breakers.filter((x) => x.spreadsheet !== body.spreadsheet);
    if (m === "DELETE") {
      if (this.mappings.some((x) => x.connection === c)) throw new this.Refusal(409, "conflict", "1 mappings write through this connection; delete them first.");
      this.connections = this.connections.filter((x) => x !== one);
      return [204, null];
    }
    return [200, one];
  }

  mappingRoutes(m, c, d, body, q) {
    if (!c && m === "GET") return [200, this.page(this.mappings, q)];
    if (!c) {
      const rows = { waiting: 0, in_doubt: 0, done: 0, failed: 0, duplicate: 0 };
      const made = { ...body, id: this.id("gsm"), repetition_window_s: body.repetition_window_s || null, enabled: true, paused_at: null, created_at: ago(0), rows };
      this.mappings.push(made);
      return [201, made];
    }
    const one = this.found(this.mappings.find((x) => x.id === c), "sheet mapping");
    if (d === "test") return [200, { works: true, error: null, headers: "same" }];
    if (d === "replay") {
      const again = this.refused.filter((row) => !q.get("event") || row.event === q.get("event"));
      this.refused = this.refused.filter((row) => !again.includes(row));
      const replayed = again.length;
      one.rows = { ...one.rows, failed: one.rows.failed - replayed, waiting: one.rows.waiting + replayed };
      return [200, { replayed }];
    }
    if (d === "rows") return [200, this.page(one.rows.failed > 0 ? this.refused : [], q)];
    if (m === "DELETE") {
      this.mappings = this.mappings.filter((x) => x !== one);
      return [204, null];
    }
    if (m === "PATCH") Object.assign(one, body, "repetition_window_s" in body ? { repetition_window_s: body.repetition_window_s || null } : {});
    return [200, one];
  }
}
