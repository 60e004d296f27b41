// Columns of a mapping between the form and the API. Pure.

import type { SheetColumn, SheetMapping } from "./api/types.ts";

/** A column as it is edited: one value, whatever it stands for. */
export interface ColumnForm {
  header: string;
  from: SheetColumn["from"];
  /** A path, or the text of a literal. */
  value: string;
  zone: string;
  format: string;
  required: boolean;
}

export interface MappingForm {
  name: string;
  connection: string;
  spreadsheet: string;
  tab: string;
  kinds: string[];
  account: string;
  columns: ColumnForm[];
  repeats: boolean;
}

/** Seconds in which the same content makes no second row, when that is chosen. */
export const REPEAT_WINDOW_S = 300;

const blank = (header: string, from: ColumnForm["from"], value = "", zone = ""): ColumnForm => ({ header, from, value, zone, format: "", required: false });

/** What a new mapping begins with. */
export function emptyMapping(connection: string, zone: string): MappingForm {
  const columns = [blank("Event", "event_id"), blank("When", "time", "/at", zone), blank("From", "path", "/data/sender_name"), blank("Text", "path", "/data/content/body")];
  return { name: "", connection, spreadsheet: "", tab: "Sheet1", kinds: ["message.received"], account: "", columns, repeats: false };
}

export const emptyColumn = (): ColumnForm => blank("", "path", "/data/");

export function formOf(mapping: SheetMapping): MappingForm {
  const columns = mapping.columns.map((c) => ({ header: c.header, from: c.from, value: c.path ?? c.text ?? "", zone: c.zone ?? "", format: c.format ?? "", required: c.missing === "refuse" }));
  const { name, connection, spreadsheet, tab, kinds, account } = mapping;
  return { name, connection, spreadsheet, tab, kinds: [...kinds], account: account ?? "", columns, repeats: mapping.repetition_window_s !== null };
}

export function columnOf(form: ColumnForm): SheetColumn {
  const column: SheetColumn = { header: form.header.trim(), from: form.from, missing: form.required ? "refuse" : "blank" };
  if (form.from === "path" || form.from === "time") column.path = form.value.trim();
  if (form.from === "literal") column.text = form.value;
  if (form.from === "time" && form.zone.trim()) column.zone = form.zone.trim();
  if (form.from === "time" && form.format.trim()) column.format = form.format.trim();
  return column;
}

/** What is sent: a connection and an account are chosen once. */
export function draftOf(form: MappingForm, how: "create" | "change"): Record<string, unknown> {
  const draft = {
    name: form.name.trim(),
    spreadsheet: form.spreadsheet.trim(),
    tab: form.tab.trim(),
    kinds: form.kinds,
    columns: form.columns.map(columnOf),
    repetition_window_s: form.repeats ? REPEAT_WINDOW_S : 0,
  };
  return how === "change" ? draft : { ...draft, connection: form.connection, account: form.account || null };
}

/** Share of calls saved, between 0 and 1; nothing when there was nothing to save. */
export function saved(of: { operations: number; calls: number }): number | null {
  return of.operations > 0 ? Math.max(0, 1 - of.calls / of.operations) : null;
}
