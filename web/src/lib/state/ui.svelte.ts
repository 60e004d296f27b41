// What floats above every screen: toasts, questions, the command palette, the theme.

/** Most toasts on screen; the oldest goes first. */
const TOASTS_MAX = 4;
/** How long a toast stays, in milliseconds; errors stay until closed. */
const TOAST_MS = 5_000;

export interface Toast {
  id: number;
  tone: "good" | "bad" | "info";
  text: string;
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  good(text: string): void {
    this.#add("good", text);
  }

  bad(text: string): void {
    this.#add("bad", text);
  }

  close(id: number): void {
    this.list = this.list.filter((t) => t.id !== id);
  }

  #add(tone: Toast["tone"], text: string): void {
    const toast = { id: this.#next++, tone, text };
    this.list = [...this.list, toast].slice(-TOASTS_MAX);
    if (tone !== "bad") setTimeout(() => this.close(toast.id), TOAST_MS);
  }
}

export interface Question {
  title: string;
  text: string;
  action: string;
  tone?: "danger" | "normal";
  /** A word that has to be typed before it can be done. */
  typed?: string;
}

class Questions {
  open = $state<(Question & { answer: (yes: boolean) => void }) | null>(null);

  /** Asks; true when the person agrees. */
  ask(question: Question): Promise<boolean> {
    this.open?.answer(false);
    return new Promise((done) => {
      this.open = {
        ...question,
        answer: (yes) => {
          this.open = null;
          done(yes);
        },
      };
    });
  }
}

export type Theme = "system" | "light" | "dark";

class Appearance {
  theme = $state<Theme>(read());

  set(theme: Theme): void {
    this.theme = theme;
    const root = document.documentElement;
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      if (theme === "system") localStorage.removeItem("waypost.theme");
      else localStorage.setItem("waypost.theme", theme);
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
  }
}

function read(): Theme {
  const named = globalThis.document?.documentElement.dataset.theme;
  return named === "light" || named === "dark" ? named : "system";
}

class Palette {
  open = $state(false);
}

export const toasts = new Toasts();
export const questions = new Questions();
export const appearance = new Appearance();
export const palette = new Palette();
