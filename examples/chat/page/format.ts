/** Text into what is shown: code blocks, inline code, links, and plain text. No I/O, and never any HTML. */

export type Inline = { kind: "text" | "code" | "link"; text: string };
export type Block = { kind: "paragraph"; parts: Inline[] } | { kind: "code"; text: string };

const FENCE = /```(?:[\w+#.-]*\n)?([\s\S]*?)(?:```|$)/g;
const INLINE = /`([^`\n]+)`|(https?:\/\/[^\s<>"'`]+)/g;
const LONG_TEXT = 1200;
const LONG_LINES = 18;

export function blocks(text: string): Block[] {
  const found: Block[] = [];
  let end = 0;
  for (const match of text.matchAll(FENCE)) {
    paragraph(text.slice(end, match.index), found);
    found.push({ kind: "code", text: (match[1] ?? "").replace(/\n$/, "") });
    end = match.index + match[0].length;
  }
  paragraph(text.slice(end), found);
  return found;
}

/** Whether a message is folded until somebody wants all of it. */
export function isLong(text: string): boolean {
  return text.length > LONG_TEXT || text.split("\n").length > LONG_LINES;
}

function paragraph(text: string, into: Block[]): void {
  const trimmed = text.replace(/^\n+|\s+$/g, "");
  if (trimmed) into.push({ kind: "paragraph", parts: inline(trimmed) });
}

function inline(text: string): Inline[] {
  const parts: Inline[] = [];
  let end = 0;
  const plain = (upTo: number) => {
    if (upTo > end) parts.push({ kind: "text", text: text.slice(end, upTo) });
  };
  for (const match of text.matchAll(INLINE)) {
    plain(match.index);
    const found: Inline = match[1] ? { kind: "code", text: match[1] } : { kind: "link", text: withoutTail(match[0]) };
    parts.push(found);
    end = match.index + (match[1] ? match[0].length : found.text.length);
  }
  plain(text.length);
  return parts;
}

/** The full stop or bracket after an address is the sentence's. */
function withoutTail(link: string): string {
  const tail = link.includes("(") ? /[.,;:!?]+$/ : /[.,;:!?)\]]+$/;
  return link.replace(tail, "");
}
