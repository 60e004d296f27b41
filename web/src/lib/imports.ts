// Sessions of another client, as a person picks them from a folder. Reading happens in the browser;
// what was read goes to the server and is kept nowhere.

/** Most files of a pick that are looked at. */
export const FILES_MAX = 200_000;
/** Most bytes of a session: what the server takes at once, with room for its quoting. */
export const SESSION_BYTES_MAX = 200 * 1024 * 1024;
/** Files written less than this long ago belong to a client that probably still runs, in milliseconds. */
export const QUIET_MS = 60_000;

/** A file as a browser hands it over. */
export interface PickedFile {
  name: string;
  size: number;
  lastModified: number;
  webkitRelativePath: string;
  text(): Promise<string>;
}

/** The files of one session. */
export interface PickedSession {
  /** Its folder below the one that was picked; empty for files without a folder. */
  folder: string;
  files: PickedFile[];
  bytes: number;
  written: number;
}

/** What keeps a pick from being read, as a sentence. */
export class PickError extends Error {}

function folderOf(file: PickedFile): string {
  const path = file.webkitRelativePath || file.name;
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** The sessions in a pick: each folder with `creds.json`, or a single JSON file alone. */
export function sessionsIn(files: PickedFile[]): PickedSession[] {
  if (files.length > FILES_MAX) throw new PickError(`These are more than ${FILES_MAX.toLocaleString("en")} files; pick the folder of one session.`);
  const folders = new Map<string, PickedFile[]>();
  for (const file of files) {
    if (!file.name.endsWith(".json")) continue;
    const folder = folderOf(file);
    const known = folders.get(folder);
    if (known) known.push(file);
    else folders.set(folder, [file]);
  }
  const all = [...folders];
  const whole = all.filter(([, inside]) => inside.some((f) => f.name === "creds.json"));
  const chosen = whole.length > 0 ? whole : all.filter(([, inside]) => all.length === 1 && inside.length === 1);
  if (chosen.length === 0) throw new PickError("There is no session in it: pick the folder that has creds.json in it.");
  return chosen.map(([folder, inside]) => {
    const bytes = inside.reduce((sum, f) => sum + f.size, 0);
    if (bytes > SESSION_BYTES_MAX) throw new PickError(`${folder || "This session"} is larger than 200 MB; use the command instead.`);
    return { folder, files: inside, bytes, written: Math.max(...inside.map((f) => f.lastModified)) };
  });
}

/** Whether a session was written so recently that its client may still run. */
export function stillWarm(session: PickedSession, now: number): boolean {
  return now - session.written < QUIET_MS;
}

/** The request that takes a session over, or that only looks; the parts go as they were written. */
export async function importRequest(session: PickedSession, how: { account: string | null; dryRun: boolean }): Promise<Blob> {
  const parts: string[] = [];
  for (const file of session.files) {
    const text = await file.text();
    try {
      JSON.parse(text);
    } catch {
      throw new PickError(`${file.name} is not JSON, as a crash leaves it. Delete it if the session can do without, and pick the folder again. Nothing was imported.`);
    }
    parts.push(`${JSON.stringify(file.name)}:${text}`);
  }
  const head = JSON.stringify({ format: "baileys", account: how.account, dry_run: how.dryRun });
  return new Blob([`${head.slice(0, -1)},"parts":{${parts.join(",")}}}`], { type: "application/json" });
}
