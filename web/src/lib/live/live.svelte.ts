import { SvelteMap } from "svelte/reactivity";
import { api, everything } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import type { Account, Conversation, SendState, Status } from "../api/types.ts";
import { serverNow } from "../state/clock.svelte.ts";
import { changesFor, patchAccount, typingKey, type Change, type Resource } from "./reducer.ts";
import { Refresher } from "./refresher.ts";
import { EventSocket, type Connection } from "./socket.ts";

/** From this many accounts asked for at once, the whole list is fetched instead. */
const SINGLE_FETCHES_MAX = 8;
/** A "typing" that is not taken back disappears after this time, in milliseconds. */
const TYPING_MS = 12_000;

type Listener = (id: string | null) => void;

/** What is known live: the accounts, the connection, and who wants to hear about what. */
class Live {
  accounts = new SvelteMap<string, Account>();
  loaded = $state(false);
  connection = $state<Connection>("closed");
  status = $state<Status | null>(null);
  typing = new SvelteMap<string, number>();
  /** Why the list could not be had, if so. */
  problem = $state<string | null>(null);

  #listeners = new Map<Resource | "resync", Set<Listener>>();
  #stateListeners = new Set<(message: string, conversation: string | null, state: SendState) => void>();
  #refresher = new Refresher();
  #wanted = new Set<string>();
  #socket: EventSocket;

  constructor() {
    this.#socket = new EventSocket(
      {
        onEvent: (event) => changesFor(event).forEach((change) => this.#apply(change)),
        onResync: () => this.#resync(),
        onConnection: (connection) => (this.connection = connection),
      },
      { open: openStream, random: Math.random },
    );
    globalThis.addEventListener?.("online", () => this.#socket.hurry());
  }

  start(): void {
    this.#socket.start();
    this.reload();
  }

  stop(): void {
    this.#socket.stop();
    this.accounts.clear();
    this.typing.clear();
    this.loaded = false;
    this.status = null;
  }

  /** Whether somebody is typing there, at a time by the server's clock. */
  isTyping(talk: Conversation, now: number): boolean {
    const key = typingKey(talk.account, talk.address);
    const until = this.typing.get(talk.id) ?? (key ? this.typing.get(key) : undefined);
    return (until ?? 0) > now;
  }

  retryNow(): void {
    this.#socket.hurry();
  }

  /** Calls `listener` whenever something of `what` changed; returns how to stop. */
  on(what: Resource | "resync", listener: Listener): () => void {
    const set = this.#listeners.get(what) ?? new Set();
    this.#listeners.set(what, set.add(listener));
    return () => set.delete(listener);
  }

  onSendState(listener: (message: string, conversation: string | null, state: SendState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Fetches all accounts and figures again. */
  reload(): void {
    this.#refresher.ask("everything", async () => {
      await Promise.all([this.#loadAccounts(), this.#loadStatus()]);
    });
  }

  async refreshAccount(id: string): Promise<void> {
    try {
      this.accounts.set(id, await api.get<Account>(`/accounts/${id}`));
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.accounts.delete(id);
    }
  }

  put(account: Account): void {
    this.accounts.set(account.id, account);
  }

  forget(id: string): void {
    this.accounts.delete(id);
  }

  async #loadAccounts(): Promise<void> {
    try {
      const all = await everything<Account>("/accounts");
      const ids = new Set(all.map((a) => a.id));
      for (const account of all) this.accounts.set(account.id, account);
      for (const id of [...this.accounts.keys()]) if (!ids.has(id)) this.accounts.delete(id);
      this.problem = null;
      this.loaded = true;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : "The accounts could not be loaded.";
    }
  }

  async #loadStatus(): Promise<void> {
    this.status = await api.get<Status>("/status").catch(() => this.status);
  }

  #resync(): void {
    this.reload();
    for (const what of this.#listeners.keys()) this.#tell(what, null);
  }

  #tell(what: Resource | "resync", id: string | null): void {
    this.#listeners.get(what)?.forEach((listener) => listener(id));
  }

  #apply(change: Change): void {
    switch (change.do) {
      case "account": {
        const known = this.accounts.get(change.id);
        if (known) this.accounts.set(change.id, patchAccount(known, change.patch));
        break;
      }
      case "send_state":
        this.#stateListeners.forEach((listener) => listener(change.message, change.conversation, change.state));
        break;
      case "typing":
        if (change.active) this.typing.set(change.key, serverNow() + TYPING_MS);
        else this.typing.delete(change.key);
        break;
      case "resync":
        this.#resync();
        break;
      case "refresh":
        if (change.what === "account" && change.id) this.#wantAccount(change.id);
        this.#tell(change.what, change.id);
        break;
    }
  }

  #wantAccount(id: string): void {
    this.#wanted.add(id);
    this.#refresher.ask("accounts", async () => {
      const ids = [...this.#wanted];
      this.#wanted.clear();
      if (ids.length > SINGLE_FETCHES_MAX) await this.#loadAccounts();
      else await Promise.all(ids.map((one) => this.refreshAccount(one)));
      await this.#loadStatus();
    });
  }
}

function openStream(after: string | null): WebSocket {
  const url = new URL("/api/v1/events/stream", globalThis.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (after) url.searchParams.set("after", after);
  return new WebSocket(url);
}

export const live = new Live();
