/**
 * Whose changes are tested without anybody's approval (and who may give commands). One yes is enough: a person that
 * no member of this rule names is a stranger. Names are compared without regard to case, as GitHub does.
 */
export interface TrustRule {
  /** Login names. */
  readonly users: readonly string[];
  /** Organisations: each member is trusted. */
  readonly organisations: readonly string[];
  /** Teams as `organisation/team-slug`. */
  readonly teams: readonly string[];
  /** `write`: also whoever may write to the repository; `none`: writing to it is not enough. */
  readonly permission: 'write' | 'none';
}
