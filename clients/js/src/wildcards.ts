/** Names of channels with wildcards: `*` is one word, `>` at the end one or more. */

const WORD = /(^|[.:])(\*|>$)(?=$|[.:])/;

export function isPattern(channel: string): boolean {
  return WORD.test(channel);
}

/** Whether a pattern hears a channel, as a function of the channel. */
export function matcher(pattern: string): (channel: string) => boolean {
  const words = pattern.split(/([.:])/).map((word, n, { length }) => {
    if (word === "*") return "[^.:]+";
    if (word === ">" && n === length - 1) return ".+";
    return word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  const form = new RegExp(`^${words.join("")}$`, "s");
  return (channel) => form.test(channel);
}
