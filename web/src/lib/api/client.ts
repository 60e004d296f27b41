import { noteServerTime } from "../state/clock.svelte.ts";
import { Problem, problemFrom } from "./problem.ts";
import type { Page } from "./types.ts";

const ROOT = "/api/v1";
/** Longest wait for an answer, in milliseconds; uploads have no limit of their own. */
const TIMEOUT_MS = 20_000;
/** Most pages followed when everything of a list is wanted: 200 × 50 = 10,000 entries. */
const PAGES_MAX = 50;
const PAGE_SIZE = 200;

let csrf: string | null = null;
let onSignedOut: () => void = () => {};

/** The token that state-changing calls carry; it comes with the session. */
export function setCsrf(token: string | null): void {
  csrf = token;
}

/** What to do when the server says that the session has ended. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

export interface Options {
  query?: Record<string, string | number | boolean | null | undefined>;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

async function readBody(answer: Response): Promise<unknown> {
  const type = answer.headers.get("content-type") ?? "";
  if (answer.status === 204 || !type.includes("json")) return null;
  return answer.json().catch(() => null);
}

function address(path: string, query: Options["query"]): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `${ROOT}${path}${text ? `?${text}` : ""}`;
}

async function call<T>(method: string, path: string, body: BodyInit | null, headers: Headers, options: Options): Promise<T> {
  if (method !== "GET" && csrf) headers.set("X-CSRF-Token", csrf);
  if (options.idempotencyKey) headers.set("Idempotency-Key", options.idempotencyKey);
  headers.set("Accept", "application/json");
  const limit = body instanceof Blob ? [] : [AbortSignal.timeout(TIMEOUT_MS)];
  const signal = AbortSignal.any([...limit, ...(options.signal ? [options.signal] : [])]);
  let answer: Response;
  try {
    answer = await fetch(address(path, options.query), { method, headers, body, signal, credentials: "same-origin" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, "unreachable", "Waypost does not answer; check that it runs and that you are connected.");
  }
  noteServerTime(answer.headers.get("date"));
  const content = await readBody(answer);
  if (answer.ok) return content as T;
  if (answer.status === 401 && path !== "/session") onSignedOut();
  throw problemFrom(answer.status, content);
}

function json<T>(method: string, path: string, body: unknown, options: Options = {}): Promise<T> {
  const headers = new Headers();
  if (body !== undefined) headers.set("Content-Type", "application/json");
  return call<T>(method, path, body === undefined ? null : JSON.stringify(body), headers, options);
}

export const api = {
  get: <T>(path: string, options?: Options) => json<T>("GET", path, undefined, options),
  post: <T>(path: string, body?: unknown, options?: Options) => json<T>("POST", path, body, options),
  put: <T>(path: string, body: unknown, options?: Options) => json<T>("PUT", path, body, options),
  patch: <T>(path: string, body: unknown, options?: Options) => json<T>("PATCH", path, body, options),
  delete: <T>(path: string, options?: Options) => json<T>("DELETE", path, undefined, options),
  upload: <T>(path: string, file: Blob, mime: string, options: Options = {}) =>
    call<T>("POST", path, file, new Headers({ "Content-Type": mime }), options),
};

/** Every entry of a list, page after page; stops at 10,000. */
export async function everything<T>(path: string, query: Options["query"] = {}): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const part: Page<T> = await api.get<Page<T>>(path, { query: { ...query, limit: PAGE_SIZE, cursor } });
    all.push(...part.items);
    cursor = part.next;
    if (!cursor) break;
  }
  return all;
}

/** A fresh key that makes a repeated request harmless. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
