/** The one error this client raises: a code to branch on, a sentence to read, and whether trying again may help. */

/** Codes that are ours. The server's are numbers (see "Error codes" in the protocol), a lost link's its close code. */
export type LocalCode = "closed" | "not-connected" | "connection-lost" | "queue-full" | "timeout" | "bad-answer";

export class EverywireError extends Error {
  override readonly name = "EverywireError";
  readonly code: number | LocalCode;
  readonly temporary: boolean;

  constructor(code: number | LocalCode, reason: string, temporary = false) {
    super(reason);
    this.code = code;
    this.temporary = temporary;
  }
}
