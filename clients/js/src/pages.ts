/** History that comes in several answers, put together again. */

import type { Command, Page, Position } from "./wire.ts";

type History = Command & { type: "history" };

/**
 * Asks `command`, and asks on while the answers are cut: gives what one answer without bounds would have been. What does not
 * continue what came before it replaces it: the log was lost, or the earlier publications have expired meanwhile.
 */
export async function collect(ask: (command: History) => Promise<Page>, command: History): Promise<Page> {
  let page = await ask(command);
  let whole = page;
  while (page.more) {
    const last: Position = { epoch: page.epoch, offset: page.publications.at(-1)?.offset ?? 0 };
    const onward: History = { ...command, [command.reverse ? "before" : "since"]: last };
    if (command.limit !== undefined) onward.limit = command.limit - whole.publications.length;
    page = await ask(onward);
    const first = page.publications[0]?.offset ?? page.offset + 1;
    const continues = page.epoch === last.epoch && (command.reverse || first === last.offset + 1);
    if (!continues) whole = page;
    else {
      const { offset } = command.reverse ? whole : page; // what the publications lead up to
      whole = { ...page, offset, publications: [...whole.publications, ...page.publications] };
    }
  }
  return whole;
}
