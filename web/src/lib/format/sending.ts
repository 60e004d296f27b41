// What an account may still send, in words.

import type { Sending, SendingAllowance } from "../api/types.ts";
import type { Tone } from "./states.ts";

/** From this share of a limit on it is worth a warning. */
const NEAR = 0.8;

/** What a message waits for, in two words. */
export const WAITING_LABELS: Record<string, string> = {
  not_connected: "Not connected",
  rate_limited: "Paced",
  behind: "In line",
  retry: "Tried again",
  in_flight: "On its way",
  media_upload: "File being uploaded",
  held: "Held",
  daily_limit: "Limit of the day",
  new_chat_limit: "New chats paced",
  warm_up: "Warm-up",
  restricted: "Barred by WhatsApp",
  number_check: "Number being checked",
  typing: "Typing",
  next: "Next",
};

/** "12 of 40", how full that is, and whether it should worry anybody. */
export function allowance({ used, limit }: SendingAllowance): { text: string; share: number; tone: Tone } {
  if (limit === null) return { text: `${used}, no limit`, share: 0, tone: "good" };
  const share = limit === 0 ? 1 : Math.min(1, used / limit);
  return { text: `${used} of ${limit}`, share, tone: share >= 1 ? "bad" : share >= NEAR ? "warn" : "good" };
}

/** Where the warm-up stands. */
export function warmUp({ warm_up_day: day, share_percent: share }: Sending): string {
  if (day === null) return "Warmed up: the whole limits hold.";
  return `Day ${day} of the warm-up: ${share} % of the limits hold; they grow until day 31.`;
}
