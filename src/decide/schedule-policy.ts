/**
 * A schedule of a project: a run at each slot, also when nothing was committed since. `cron` has five fields in `timezone`
 * (an IANA name); `contexts` are names or patterns (`createContextFilter`), manual ones included.
 */
export interface SchedulePolicy {
  /** Unique in its project; part of each slot's identity. */
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  /** The branch whose head is tested. */
  readonly branch: string;
  readonly contexts: readonly string[];
  /** A failure opens an issue, and the next success closes it. */
  readonly reportsIssue: boolean;
}
