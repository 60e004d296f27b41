import { api, setCsrf, whenSignedOut } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import type { Person, Session } from "../api/types.ts";
import { live } from "../live/live.svelte.ts";

export type Stage = "loading" | "setup" | "signed_out" | "signed_in" | "unreachable";

/** Who is using the dashboard. */
class SessionState {
  stage = $state<Stage>("loading");
  person = $state<Person | null>(null);
  /** Why the person is being asked to sign in again. */
  notice = $state<string | null>(null);

  constructor() {
    whenSignedOut(() => this.#leave("Your session has ended; sign in again."));
  }

  async load(): Promise<void> {
    this.stage = "loading";
    try {
      this.#enter(await api.get<Session>("/session"));
    } catch (error) {
      if (error instanceof Problem && error.status !== 0 && error.status < 500) await this.#askSetup();
      else this.stage = "unreachable";
    }
  }

  async signIn(login: string, password: string): Promise<void> {
    this.#enter(await api.post<Session>("/session", { login, password }));
  }

  async setUp(token: string, login: string, name: string, password: string): Promise<void> {
    this.#enter(await api.post<Session>("/setup", { token, login, name, password }));
  }

  async signOut(): Promise<void> {
    await api.delete("/session");
    this.#leave(null);
  }

  async #askSetup(): Promise<void> {
    try {
      const { needed } = await api.get<{ needed: boolean }>("/setup");
      this.stage = needed ? "setup" : "signed_out";
    } catch {
      this.stage = "signed_out";
    }
  }

  #enter(session: Session): void {
    setCsrf(session.csrf_token);
    this.person = session.person;
    this.notice = null;
    this.stage = "signed_in";
    live.start();
  }

  #leave(notice: string | null): void {
    setCsrf(null);
    live.stop();
    this.person = null;
    this.notice = notice;
    this.stage = "signed_out";
  }
}

export const session = new SessionState();
