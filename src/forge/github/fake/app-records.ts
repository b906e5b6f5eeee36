import type { Account, Repository } from './records.ts';

/** Access of an App to one kind of resource. https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps */
export type AppPermissions = Readonly<Record<string, 'read' | 'write'>>;

/** A GitHub App. `publicKey` (PEM) checks the signature of its JWTs; `bot` is the account that its writes show. */
export interface App {
  readonly id: number;
  readonly slug: string;
  readonly owner: Account;
  readonly publicKey: string;
  readonly permissions: AppPermissions;
  readonly events: readonly string[];
  readonly createdAt: number;
  readonly bot: Account;
}

/** An App where somebody installed it. `repos` null: all of the account's. */
export interface Installation {
  readonly id: number;
  readonly app: App;
  readonly account: Account;
  repos: Repository[] | null;
  permissions: AppPermissions;
  suspendedAt: number | null;
  readonly createdAt: number;
}

/** A personal token (`user`) or one of an installation, with its end (epoch ms). */
export type Token =
  | {
      readonly kind: 'user';
      readonly account: Account;
      readonly expiresAt: number | null;
      /** As the header `X-OAuth-Scopes` tells them; null: a fine-grained token, which has none. */
      readonly scopes: string | null;
    }
  | {
      readonly kind: 'installation';
      readonly installation: Installation;
      readonly expiresAt: number;
      /** Narrower than the installation's, where the request for the token asked so. */
      readonly repos: readonly Repository[] | null;
      readonly permissions: AppPermissions;
    };

/** A webhook of a repository or of an App. */
export interface Hook {
  readonly id: number;
  readonly of: { readonly kind: 'repo'; readonly repo: Repository } | { readonly kind: 'app'; readonly app: App };
  url: string;
  secret: string | null;
  events: readonly string[];
  contentType: 'json' | 'form';
  isActive: boolean;
  readonly createdAt: number;
  /** Newest last, bounded. */
  readonly deliveries: Delivery[];
}

/** One attempt to deliver an event, as the log shows it. A redelivery has the same `guid` and another `id`. */
export interface Delivery {
  readonly id: number;
  readonly guid: string;
  readonly deliveredAt: number;
  readonly isRedelivery: boolean;
  readonly event: string;
  readonly action: string | null;
  readonly installationId: number | null;
  readonly repositoryId: number | null;
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** The JSON text that was signed (as form or as it is). */
  readonly payload: string;
  /** Seconds. */
  duration: number;
  /** What the receiver answered; 0: nothing. */
  statusCode: number;
  status: string;
  responseHeaders: Readonly<Record<string, string>> | null;
  responsePayload: string | null;
}
