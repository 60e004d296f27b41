/** The scope that allows everything. */
export const ADMIN = "admin";

/** What an API key can be allowed to do, in the order of the form. */
export const SCOPES = [
  { value: "accounts:read", label: "See accounts" },
  { value: "accounts:write", label: "Create, link and change accounts" },
  { value: "messages:read", label: "Read messages and files" },
  { value: "messages:send", label: "Send messages and files" },
  { value: "conversations:read", label: "List conversations" },
  { value: "conversations:write", label: "Mark as read, show typing" },
  { value: "contacts:read", label: "See contacts" },
  { value: "contacts:write", label: "Rename contacts, undo merges" },
  { value: "groups:read", label: "See groups" },
  { value: "groups:write", label: "Create and change groups" },
  { value: "rules:read", label: "See reply rules" },
  { value: "rules:write", label: "Change reply rules" },
  { value: "pipeline:read", label: "See the pipeline and its switches" },
  { value: "pipeline:write", label: "Switch its parts, read messages again" },
  { value: "webhooks:read", label: "See webhooks and deliveries" },
  { value: "webhooks:write", label: "Change webhooks" },
  { value: "sheets:read", label: "See sheets, mappings and rows" },
  { value: "sheets:write", label: "Connect sheets, change mappings, write" },
  { value: "dead_letters:read", label: "See dead letters" },
  { value: "dead_letters:write", label: "Replay and archive them" },
  { value: "events:read", label: "Read the event stream" },
  { value: "keys:read", label: "See API keys" },
  { value: "keys:write", label: "Create and revoke API keys" },
  { value: ADMIN, label: "Everything, people included" },
];
