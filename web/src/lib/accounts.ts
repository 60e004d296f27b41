import { api } from "./api/client.ts";
import { sentence } from "./api/problem.ts";
import type { Account } from "./api/types.ts";
import type { AccountAction } from "./format/states.ts";
import { live } from "./live/live.svelte.ts";
import { router } from "./state/router.svelte.ts";
import { questions, toasts, type Question } from "./state/ui.svelte.ts";

/** `of` is the label before a name, where the label alone would not do. */
export const ACTION_LABELS: Record<AccountAction, { label: string; icon: string; of?: string }> = {
  link: { label: "Link", icon: "qr" },
  relink: { label: "Relink", icon: "qr" },
  pause: { label: "Pause", icon: "pause" },
  resume: { label: "Resume", icon: "play" },
  recover: { label: "Recover", icon: "bolt" },
  reconnect: { label: "Reconnect", icon: "sync" },
  restore: { label: "Restore session", of: "Restore the session of", icon: "sync" },
  unlink: { label: "Unlink", icon: "unlink" },
  delete: { label: "Delete", icon: "trash" },
};

function question(action: AccountAction, account: Account): Question | null {
  switch (action) {
    case "unlink":
      return {
        title: `Unlink ${account.name}?`,
        text: "WhatsApp removes this device from the phone. Messages stay here; to use the number again, link it once more.",
        action: "Unlink",
        tone: "danger",
      };
    case "delete":
      return {
        title: `Delete ${account.name}?`,
        text: "The account, its session and its conversations are removed from Waypost for good.",
        action: "Delete account",
        tone: "danger",
        typed: account.name,
      };
    case "relink":
      return account.state === "online"
        ? { title: `Relink ${account.name}?`, text: "It is online now. Linking again replaces its session with a new one.", action: "Relink" }
        : null;
    default:
      return null;
  }
}

const DONE: Partial<Record<AccountAction, string>> = {
  pause: "paused",
  resume: "resumed",
  recover: "is being recovered: what comes next is tried now",
  reconnect: "is reconnecting",
  restore: "connects with its session as it is stored",
  unlink: "is being unlinked",
  delete: "deleted",
};

/** Does what a button says, after asking where it can't be undone. */
export async function act(action: AccountAction, account: Account): Promise<void> {
  const asks = question(action, account);
  if (asks && !(await questions.ask(asks))) return;
  if (action === "link" || action === "relink") {
    router.go(`/accounts/${account.id}/link`);
    return;
  }
  try {
    if (action === "delete") {
      await api.delete(`/accounts/${account.id}`);
      live.forget(account.id);
      router.go("/");
    } else {
      await api.post(`/accounts/${account.id}/${action}`);
      await live.refreshAccount(account.id);
    }
    toasts.good(`${account.name} ${DONE[action] ?? "done"}.`);
  } catch (error) {
    toasts.bad(sentence(error));
  }
}
