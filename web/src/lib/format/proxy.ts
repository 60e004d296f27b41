// A proxy's address as a form holds it, and what is known of the proxy. The password only ever goes to
// the server. Pure.

import type { ProxyState } from "../api/types.ts";
import { ago, left, span } from "./time.ts";

export interface ProxyForm {
  kind: "http" | "socks5";
  host: string;
  port: string;
  user: string;
  password: string;
}

export const EMPTY_PROXY: ProxyForm = { kind: "socks5", host: "", port: "", user: "", password: "" };

/** What is known of a proxy, in a sentence; null before it was ever tried. */
export function proxyLine(known: ProxyState | null, now: number): string | null {
  if (!known || known.state === "unknown") return null;
  const next = known.next_check_at && Date.parse(known.next_check_at) > now ? ` It is tried again in ${left(known.next_check_at, now)}.` : "";
  if (known.state === "works") return known.checked_at ? `It gave a way to WhatsApp ${ago(known.checked_at, now)}.` : null;
  const reason = known.reason?.text ?? "It gives no way to WhatsApp.";
  if (known.state === "doubtful") return `It failed once: ${reason}${next}`;
  const since = known.failing_since ? `No new connection for ${span(now - Date.parse(known.failing_since))}. ` : "";
  return `${since}${reason}${next}`;
}

/** Its colour. */
export function proxyTone(known: ProxyState): "good" | "warn" | "bad" | "idle" {
  const tones = { works: "good", doubtful: "warn", failing: "bad", unknown: "idle" } as const;
  return tones[known.state];
}

/** The form for an address as the server shows it, which is without the password. */
export function proxyForm(shown: string | null): ProxyForm {
  const parts = /^(http|socks5h?):\/\/(?:([^@]*)@)?(.*):(\d+)\/?$/.exec(shown ?? "");
  if (!parts) return { ...EMPTY_PROXY };
  const [, scheme, login = "", host = "", port = ""] = parts;
  return { kind: scheme === "http" ? "http" : "socks5", host: host.replace(/^\[(.*)\]$/, "$1"), port, user: decode(login.split(":")[0] ?? ""), password: "" };
}

/** The address to send, with user and password percent-encoded. */
export function proxyAddress(form: ProxyForm): string {
  const host = form.host.trim();
  const place = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const user = form.user.trim();
  const secret = form.password ? `:${encodeURIComponent(form.password)}` : "";
  const login = user || secret ? `${encodeURIComponent(user)}${secret}@` : "";
  return `${form.kind}://${login}${place}:${String(form.port).trim()}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
