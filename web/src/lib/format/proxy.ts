// A proxy's address as a form holds it. The password only ever goes to the server. Pure.

export interface ProxyForm {
  kind: "http" | "socks5";
  host: string;
  port: string;
  user: string;
  password: string;
}

export const EMPTY_PROXY: ProxyForm = { kind: "socks5", host: "", port: "", user: "", password: "" };

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
