/** An answer of the server that says no, or no answer at all. */
export class Problem extends Error {
  constructor(
    /** HTTP status; 0 when the server could not be reached. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field the server complains about, if it names one. */
    readonly field: string | null = null,
  ) {
    super(message);
    this.name = "Problem";
  }
}

const BY_STATUS: Record<number, string> = {
  401: "Your session has ended; sign in again.",
  403: "You are not allowed to do this; ask an owner.",
  404: "This no longer exists.",
  409: "Somebody changed this meanwhile; reload and try again.",
  413: "This is too large to send.",
  429: "Too many requests; wait a moment and try again.",
};

/** Reads a problem+json body; falls back to a sentence for the status. */
export function problemFrom(status: number, body: unknown): Problem {
  const said = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = [said.detail, said.title].find((t): t is string => typeof t === "string" && t.trim() !== "");
  return new Problem(
    status,
    typeof said.code === "string" ? said.code : `http_${status}`,
    text ?? BY_STATUS[status] ?? `The server answered with error ${status}; try again in a moment.`,
    typeof said.field === "string" ? said.field : null,
  );
}

/** One sentence for a person, whatever was thrown. */
export function sentence(error: unknown): string {
  if (error instanceof Error && error.message) return error.message;
  return "Something went wrong; try again.";
}
