/** History that comes in several answers, put together again. */

import type { Command, Page, Position } from "./wire.ts";

type History = Command & { type: "history" };

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
  let { more = false }: { more?: boolean } = page;
  while (more) {
    const last: Position = { epoch: page.epoch, offset: found.at(-1)?.offset ?? 0 };
    const after: Position = { epoch: begun.epoch, offset: begun.offset + 1 };
    const onward: History = { ...command, ...(reverse ? { before: last } : { since: last, before: after }) };
    if (limit !== undefined) onward.limit = limit - found.length;
    page = await ask(onward);
    more = page.more ?? false;
    const first = page.publications.length ? page.publications[0]?.offset : after.offset;
    if (page.epoch !== begun.epoch) {
      begun = page;
      found = [];
    } else if (!reverse && first !== last.offset + 1) {
      found = [];
    }
    for (const publication of page.publications) found.push(publication);
    if (!more && found.length === page.publications.length && limit !== undefined) {
      more = 0 < found.length && found.length < limit; // it replaces more than was left to ask for
    }
  }
  return { ...begun, publications: found };
}
