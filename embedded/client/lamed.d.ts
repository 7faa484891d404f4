// Types of lamed.js (the global `lamed`) and of lamed.mjs (the same functions as exports).

/** What code of a variant gets: the variant's name. A promise may be returned; what it rejects with is reported. */
export type Code = (variant: string) => unknown

/** A visitor takes part in an experiment with a variant. */
export interface Assignment {
  experiment: string
  variant: string
}

export interface Lamed {
  /**
   * Runs the code of the variant that this visitor sees, and counts the visitor as a participant.
   * Who does not take part sees the control: its code runs. Called in `<head>`, the code runs when the page has been read.
   */
  run(experiment: string, code?: { [variant: string]: Code }): void
  /**
   * The variant that this visitor sees, who is counted as a participant; the control for whoever does not take part.
   * `undefined` for an experiment that is not declared.
   */
  variant(experiment: string): string | undefined
  /** The visitor reached a goal: it counts for each experiment with that goal in which this browser takes part. */
  complete(goal: string, options?: { /** From 0 to 1,000,000, for goals that declare a value. */ value?: number }): void
  /** Says who is signed in, for experiments of the unit `user`; `null` or nothing for nobody. */
  user(id?: string | number | null): void
  /** Gives consent, where the tag has `data-consent="required"`, or takes it back and erases all that is remembered. */
  consent(given: boolean): void
  /** Calls a function for each assignment of this page, those before the call included. */
  on(event: "assigned", listener: (assignment: Assignment) => void): void
}

export const run: Lamed["run"]
export const variant: Lamed["variant"]
export const complete: Lamed["complete"]
export const user: Lamed["user"]
export const consent: Lamed["consent"]
export const on: Lamed["on"]

declare global {
  const lamed: Lamed
  interface Window {
    /** Missing where the script is blocked. */
    lamed?: Lamed
  }
}
