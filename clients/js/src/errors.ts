/** The one error this client raises: a code to branch on, a sentence to read, and whether trying again may help. */

/** Codes that are ours. The server's are numbers (see "Error codes" in the protocol), a lost link's its close code. */
export type LocalCode = "closed" | "not-connected" | "connection-lost" | "queue-full" | "timeout" | "aborted";

export class EverywireError extends Error {
  override readonly name = "EverywireError";
  readonly code: number | LocalCode;
  readonly temporary: boolean;
  /** What else the server says: `{ offset }` after a lost compare-and-set (111), or what the application made of it. */
  readonly data: unknown;

  constructor(code: number | LocalCode, reason: string, temporary = false, data?: unknown) {
    super(reason);
    this.code = code;
    this.temporary = temporary;
    this.data = data;
  }
}
