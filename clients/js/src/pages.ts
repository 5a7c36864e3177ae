/** History, and the entries of a keyed channel, that come in several answers, put together again. */

import type { Command, Page, Position, Publication, Snapshot } from "./wire.ts";

type History = Command & { type: "history" };
type Read = Command & { type: "entries" };

/** Asks for the entries of `channel` until there are no more: gives the map, and its place in the log. */
export async function snapshot(ask: (command: Read) => Promise<Snapshot>, channel: string): Promise<Position & { entries: Map<string, Publication> }> {
  const entries = new Map<string, Publication>();
  for (let command: Read = { type: "entries", channel }; ; ) {
    const { epoch, offset, recovered, entries: page, more, after } = await ask(command);
    if (!recovered) entries.clear();
    for (const publication of page) setEntry(entries, publication);
    if (!more) return { epoch, offset, entries };
    command = { type: "entries", channel, since: { epoch, offset }, ...(after !== undefined && { after }) };
  }
}

/** Does to a map of entries what a publication says. */
export function setEntry<T>(entries: Map<string, Publication<T>>, publication: Publication<T>): void {
  const { entry, removed } = publication;
  if (entry === undefined) return;
  if (removed) entries.delete(entry);
  else entries.set(entry, publication);
}

/**
 * Asks `command`, and asks on while the answers are cut: gives what one answer without bounds would have been. The first answer
 * says where the log ends: what is published later is left out, so that there is an end. What does not continue what came before
 * it replaces it: the log was lost, or the earlier publications have expired meanwhile.
 */
export async function collect(ask: (command: History) => Promise<Page>, command: History): Promise<Page> {
  const { reverse, limit } = command;
  let page = await ask(command);
  let begun = page;
  let found = [...page.publications];
  let more: boolean | undefined = page.more;
  while (more) {
    const last: Position = { epoch: page.epoch, offset: page.after ?? found.at(-1)?.offset ?? 0 };
    const after: Position = { epoch: begun.epoch, offset: begun.offset + 1 };
    const onward: History = { ...command, ...(reverse ? { before: last } : { since: last, before: after }) };
    if (limit !== undefined) onward.limit = limit - found.length;
    page = await ask(onward);
    more = page.more;
    const first = page.publications.length ? page.publications[0]?.offset : after.offset;
    if (page.epoch !== begun.epoch) {
      begun = page;
      found = [];
    } else if (!reverse && !page.recovered && first !== last.offset + 1) {
      found = [];
    }
    for (const publication of page.publications) found.push(publication);
    if (!more && found.length === page.publications.length && limit !== undefined) {
      more = 0 < found.length && found.length < limit; // it replaces more than was left to ask for
    }
  }
  return { ...begun, publications: found };
}
