// Addresses of the dashboard. Real paths, so that they can be bookmarked and shared.

export type Route =
  | { name: "overview" }
  | { name: "account_new" }
  | { name: "move_in" }
  | { name: "understand" }
  | { name: "system" }
  | { name: "account"; id: string; tab: "state" | "settings" }
  | { name: "link"; id: string }
  | { name: "conversations"; id: string | null }
  | { name: "search" }
  | { name: "gallery" }
  | { name: "contacts"; id: string | null }
  | { name: "groups"; id: string | null }
  | { name: "rules" }
  | { name: "pipeline" }
  | { name: "lists" }
  | { name: "dead_letters" }
  | { name: "webhooks"; id: string | null }
  | { name: "sheets" }
  | { name: "keys" }
  | { name: "settings" }
  | { name: "missing" };

/** The screen for a path. */
export function routeFor(path: string): Route {
  const [first = "", second, third, ...more] = path.split("/").filter(Boolean).map(decode);
  if (more.length > 0) return { name: "missing" };
  switch (first) {
    case "":
    case "setup":
      return { name: "overview" };
    case "accounts":
      if (!second) return { name: "overview" };
      if (second === "new") return { name: "account_new" };
      if (third === "link") return { name: "link", id: second };
      if (third === "settings") return { name: "account", id: second, tab: "settings" };
      return third ? { name: "missing" } : { name: "account", id: second, tab: "state" };
    case "conversations":
      return { name: "conversations", id: second ?? null };
    case "search":
      return second ? { name: "missing" } : { name: "search" };
    case "gallery":
      return second ? { name: "missing" } : { name: "gallery" };
    case "contacts":
      return third ? { name: "missing" } : { name: "contacts", id: second ?? null };
    case "groups":
      return third ? { name: "missing" } : { name: "groups", id: second ?? null };
    case "webhooks":
      return { name: "webhooks", id: second ?? null };
    case "sheets":
      return second ? { name: "missing" } : { name: "sheets" };
    case "rules":
      return { name: "rules" };
    case "pipeline":
      return second ? { name: "missing" } : { name: "pipeline" };
    case "lists":
      return second ? { name: "missing" } : { name: "lists" };
    case "dead-letters":
      return { name: "dead_letters" };
    case "move-in":
      return second ? { name: "missing" } : { name: "move_in" };
    case "understand":
      return second ? { name: "missing" } : { name: "understand" };
    case "system":
      return second ? { name: "missing" } : { name: "system" };
    case "keys":
      return { name: "keys" };
    case "settings":
      return { name: "settings" };
    default:
      return { name: "missing" };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  path = $state("/");
  query = $state(new URLSearchParams());
  route = $derived(routeFor(this.path));

  /** Follows the address bar and links from now on. */
  start(): void {
    this.#read();
    addEventListener("popstate", () => this.#read());
    document.addEventListener("click", (event) => this.#follow(event));
  }

  go(to: string, how: "push" | "replace" = "push"): void {
    if (how === "push") history.pushState(null, "", to);
    else history.replaceState(null, "", to);
    this.#read();
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/api/") || link.hash) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();
