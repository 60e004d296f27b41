/** The numbers of a list that a person typed: one a line, or with commas between. */
export function numbers(typed: string): string[] {
  return typed
    .split(/[,;\n،]/)
    .map((one) => one.trim())
    .filter(Boolean);
}
