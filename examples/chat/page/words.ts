/** What the chat says on its channels, and the rules for names: types, limits, normal forms. No I/O. */

import type { Member, Publication } from "everywire";

/** Somebody, as they call themselves; `id` is the same in all their tabs. */
export interface Person {
  id: string;
  name: string;
}

/**
 * What is published in a room: a message, which is kept, or a sign of typing, which is ephemeral. A message says its author's `name`, too: clients of
 * other libraries are not told who published it, or cannot say what they are called in any other way.
 */
export type Said = { kind: "message"; id: string; text: string; name?: string } | { kind: "typing"; now: boolean };

export const LONGEST_MESSAGE = 8000;
export const LONGEST_NAME = 32;
export const LONGEST_ROOM = 32;
export const ROOMS_CHANNEL = "rooms";
export const FIRST_ROOM = "lobby";

export function roomChannel(room: string): string {
  return `room:${room}`;
}

/** The name that a room gets when somebody types `text`; empty when nothing is left of it. */
export function roomName(text: string): string {
  const plain = text.normalize("NFKC").toLowerCase().trim();
  const dashed = plain.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return Array.from(dashed).slice(0, LONGEST_ROOM).join("").replace(/-$/, "");
}

/** A person's name without what could break a line or impersonate layout; empty when nothing is left. */
export function personName(text: unknown): string {
  const plain = typeof text === "string" ? text.normalize("NFC") : "";
  const visible = plain.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "").replace(/\s+/g, " ").trim();
  return Array.from(visible).slice(0, LONGEST_NAME).join("");
}

/** Who a session belongs to. Others' words are not to be trusted: whatever `info` holds, a Person comes out; `said` is its name where that says none. */
export function personOf(member: Member | undefined, said?: string): Person {
  const info = (member?.info ?? {}) as Partial<Record<keyof Person, unknown>>;
  const id = typeof info.id === "string" && info.id ? info.id : (member?.session ?? "unknown");
  return { id, name: personName(info.name) || personName(said) || personName(member?.user) || "Somebody" };
}

/** What a publication says; null when it is nothing that this page understands. */
export function heard(publication: Publication): Said | null {
  const data = publication.data as Record<string, unknown> | null;
  if (typeof data !== "object" || !data) return null;
  if (data.kind === "typing") return { kind: "typing", now: data.now === true };
  if (data.kind !== "message" || typeof data.id !== "string" || typeof data.text !== "string") return null;
  return { kind: "message", id: data.id, text: data.text.slice(0, LONGEST_MESSAGE), name: personName(data.name) };
}

/** One or two letters for a round picture. */
export function initials(name: string): string {
  const words = name.split(/[\s\-_.]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => Array.from(word ?? "?")[0]).join("").toUpperCase();
}

/** A hue in degrees, the same for the same id everywhere. */
export function hue(id: string): number {
  let hash = 2166136261; // FNV-1a
  for (const character of id) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  return ((hash >>> 0) * 137.508) % 360;
}
