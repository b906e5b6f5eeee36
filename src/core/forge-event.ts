import type { PersonRequest } from './request.ts';

interface AtPlace {
  readonly forge: string;
  readonly repo: string;
  /** `changeKey` of the pull request or branch. */
  readonly changeKey: string;
}

/**
 * A fact from outside, kept in the ledger under its unique delivery id before anybody is answered.
 * `change`: something moved at that place, look at it; `sha` is the head that the event speaks of, so that a view of the
 * forge that is still behind it is fetched again. `request`: a person asks for something.
 */
export type ForgeEvent =
  | (AtPlace & { readonly kind: 'change'; readonly sha: string | null })
  | (AtPlace & { readonly kind: 'request'; readonly request: PersonRequest });
