import type { SecretReference } from './fields.ts';
import type { ForgeConfig } from './forge-options.ts';
import { absoluteReference } from './secrets.ts';

/** How we show GitHub who we are; the secrets by reference, with absolute paths. */
export type ForgeAuth =
  | { readonly kind: 'token'; readonly token: SecretReference; readonly fetchToken: SecretReference | null }
  | { readonly kind: 'app'; readonly appId: string; readonly privateKey: SecretReference };

/** Whether and how statuses are written: all, under a prefix beside another CI, or none (shadow mode). */
export type StatusMode =
  { readonly kind: 'post' } | { readonly kind: 'none' } | { readonly kind: 'prefix'; readonly prefix: string };

/** A forge as the configuration describes it. Addresses have no slash at the end. */
export interface ForgeSettings {
  readonly name: string;
  readonly kind: 'github';
  readonly apiUrl: string;
  readonly webUrl: string;
  readonly auth: ForgeAuth;
  readonly webhookSecrets: readonly SecretReference[];
  readonly statuses: StatusMode;
}

/** Where a forge's webhooks arrive, below the address of the server. */
export function webhookPath(forge: string): string {
  return `/webhook/${forge}`;
}

/** Fills in what follows from the rest; `expand` makes paths absolute. */
export function forgeSettings(
  forges: Readonly<Record<string, ForgeConfig>>,
  expand: (path: string) => string,
): readonly ForgeSettings[] {
  const absolute = (reference: SecretReference): SecretReference => absoluteReference(reference, expand);
  return Object.entries(forges).map(([name, forge]) => ({
    name,
    kind: forge.kind,
    apiUrl: forge.apiUrl.replace(/\/+$/, ''),
    webUrl: (forge.webUrl ?? webUrlOf(forge.apiUrl)).replace(/\/+$/, ''),
    auth: authOf(forge, absolute),
    webhookSecrets: forge.webhookSecrets.map(absolute),
    statuses: typeof forge.statuses === 'string' ? { kind: forge.statuses } : { kind: 'prefix', ...forge.statuses },
  }));
}

/** Every reference of the forges under the key path where it stands, for checks. */
export function forgeReferences(forges: readonly ForgeSettings[]): Readonly<Record<string, SecretReference>> {
  return Object.fromEntries(
    forges.flatMap(({ name, auth, webhookSecrets }) => [
      auth.kind === 'token' ? [`forges.${name}.token`, auth.token] : [`forges.${name}.app.key`, auth.privateKey],
      ...(auth.kind === 'token' && auth.fetchToken !== null
        ? [[`forges.${name}.fetchToken`, auth.fetchToken] as const]
        : []),
      ...webhookSecrets.map((secret, index) => [`forges.${name}.webhookSecrets[${String(index)}]`, secret] as const),
    ]),
  );
}

function authOf(forge: ForgeConfig, absolute: (reference: SecretReference) => SecretReference): ForgeAuth {
  if (forge.app !== null) return { kind: 'app', appId: String(forge.app.id), privateKey: absolute(forge.app.key) };
  // The schema lets exactly one of the two through.
  return {
    kind: 'token',
    token: absolute(forge.token ?? { env: 'GITHUB_TOKEN' }),
    fetchToken: forge.fetchToken === null ? null : absolute(forge.fetchToken),
  };
}

/** api.github.com belongs to github.com; a server of one's own has both on one host. */
function webUrlOf(apiUrl: string): string {
  const { origin, hostname } = new URL(apiUrl);
  return hostname === 'api.github.com' ? 'https://github.com' : origin;
}
