import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { errorLine } from '../../base/errors.ts';
import { createGit } from '../../base/git.ts';
import type { Logger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { webhookPath, type ForgeSettings } from '../../config/forge-settings.ts';
import { readReferenceAt } from '../../config/secrets.ts';
import type { SecretReference } from '../../config/fields.ts';
import type { LivePolicy } from '../../config/live-policy.ts';
import { canonical } from '../../config/policy-version.ts';
import { gitForgeName, type Project } from '../../config/project-settings.ts';
import type { Settings } from '../../config/settings.ts';
import type { Subject } from '../../core/subject.ts';
import type { Forge } from '../../forge/forge.ts';
import { createGitForge } from '../../forge/git/git-forge.ts';
import type { GitHubForge, GitHubForgeOptions } from '../../forge/github/github-forge.ts';
import type { GitHubMeter } from '../../forge/github/github-meter.ts';
import type { WebhookReader } from '../../forge/webhook.ts';
import type { CliContext } from '../cli-context.ts';
import { createRenewableForge } from '../renewable-forge.ts';

/** Whose forges are opened, and what is read of them at each use. */
export interface ForgesOptions {
  readonly settings: Settings;
  /** Asked at each use; an edit counts at once. */
  readonly projects: () => readonly Project[];
  readonly env: CliContext['env'];
  readonly logger: Logger;
  readonly meter?: GitHubMeter;
  /** Below the cache directory: server and worker of one machine do not share a file. */
  readonly cacheName: string;
}

/** The forges of a configuration, each opened when it is first asked for. */
export interface HostedForges {
  /** Null: no forge of that name is configured. */
  open(name: string): Promise<GitHubForge | null>;
  openAll(): Promise<readonly GitHubForge[]>;
  /** For the worker: how git fetches the subject of a job; null: without credentials. `isRefused`: see `Forge`. */
  fetchCredentials(
    subject: Subject,
    signal: AbortSignal,
    isRefused?: boolean,
  ): Promise<Readonly<Record<string, string>> | null>;
  close(): Promise<void>;
}

/** Opens nothing yet: whoever has no forge configured loads none of this. */
export function createHostedForges(options: ForgesOptions): HostedForges {
  const { settings } = options;
  const opened = new Map<string, Promise<GitHubForge>>();
  const open = async (name: string): Promise<GitHubForge | null> => {
    const found = settings.forges.find((forge) => forge.name === name);
    if (found === undefined) return null;
    const forge = opened.get(name) ?? openGitHub(found, options);
    opened.set(name, forge);
    return await forge;
  };
  return {
    open,
    async openAll() {
      const all = await Promise.all(settings.forges.map(({ name }) => open(name)));
      return all.filter((forge) => forge !== null);
    },
    async fetchCredentials({ forge: name, repo }, signal, isRefused) {
      const forge = await open(name);
      return (await forge?.fetchCredentials?.(repo, signal, isRefused)) ?? null;
    },
    async close() {
      for (const forge of opened.values()) await (await forge.catch(() => null))?.close();
      opened.clear();
    },
  };
}

async function openGitHub(forge: ForgeSettings, options: ForgesOptions): Promise<GitHubForge> {
  const { createGitHubForge } = await import('../../forge/github/github-forge.ts');
  const { name, apiUrl, webUrl, statuses } = forge;
  const { settings, logger, env, projects } = options;
  const { publicUrl } = settings.server;
  // `doctor` may come before anything else.
  mkdirSync(settings.paths.cacheDir, { recursive: true, mode: 0o700 });
  return createGitHubForge({
    name,
    apiUrl,
    webUrl,
    statuses,
    repos: () =>
      projects().flatMap((project) =>
        project.forge === name ? [{ name: project.name, branches: project.branches, trust: project.trust }] : [],
      ),
    auth: authOf(forge, env),
    cacheFile: join(settings.paths.cacheDir, `${options.cacheName}-${name}.sqlite`),
    clock: systemClock,
    random: systemRandom,
    logger,
    webhookUrl: () => (publicUrl === null ? null : publicUrl + webhookPath(name)),
    ...(options.meter === undefined ? {} : { metrics: options.meter }),
  });
}

/** Secrets are read at each use: a file that holds a new one counts without a restart. */
function authOf({ name, auth }: ForgeSettings, env: CliContext['env']): GitHubForgeOptions['auth'] {
  const read = (key: string, reference: SecretReference) => (): string =>
    readReferenceAt(`forges.${name}.${key}`, reference, env);
  if (auth.kind === 'app') return { kind: 'app', appId: auth.appId, privateKey: read('app.key', auth.privateKey) };
  const { token, fetchToken } = auth;
  return {
    kind: 'token',
    token: read('token', token),
    ...(fetchToken === null ? {} : { fetchToken: read('fetchToken', fetchToken) }),
  };
}

/** What reads the webhooks of each forge that has secrets for them, or may get them by an edit. */
export async function openWebhookReaders(
  forges: readonly GitHubForge[],
  policy: LivePolicy,
  { env, logger, signal }: Pick<ForgesOptions, 'env' | 'logger'> & { readonly signal: AbortSignal },
): Promise<readonly WebhookReader[]> {
  if (forges.length === 0) return [];
  const { createGitHubWebhookReader } = await import('../../forge/github/webhook/webhook-read.ts');
  return forges.map((forge) => {
    const ownLogin = rememberedLogin(forge, signal);
    let complained = '';
    return createGitHubWebhookReader({
      forge: forge.name,
      secrets: () => {
        const references = policy.settings().forges.find(({ name }) => name === forge.name)?.webhookSecrets ?? [];
        return references.flatMap((reference, index) => {
          try {
            return [readReferenceAt(`forges.${forge.name}.webhookSecrets[${String(index)}]`, reference, env)];
          } catch (error) {
            const why = errorLine(error);
            if (why !== complained) logger.error('a secret of a webhook cannot be read; it does not count', { why });
            complained = why;
            return [];
          }
        });
      },
      repos: () => forge.repos(),
      ownLogin,
      publicUrl: () => policy.settings().server.publicUrl,
    });
  });
}

/**
 * Our own login once it is known: needed for nothing but to skip our own echo early, so nobody waits for it, and a forge that is
 * away is asked again later.
 */
function rememberedLogin(forge: GitHubForge, signal: AbortSignal): () => string | null {
  let login: string | null = null;
  let askedAt = Number.NEGATIVE_INFINITY;
  const ask = (): void => {
    askedAt = systemClock.monotonic();
    forge.ownLogin(signal).then(
      (found) => {
        login = found;
      },
      () => undefined,
    );
  };
  ask();
  return () => {
    if (login === null && systemClock.monotonic() - askedAt > loginAgainMs) ask();
    return login;
  };
}

const loginAgainMs = 60_000;

/** Plain git repositories as a forge that follows the edits of their configuration. */
export function openGitForge(
  settings: Settings,
  policy: LivePolicy,
  { env, logger }: Pick<ForgesOptions, 'env' | 'logger'>,
): Forge {
  const git = createGit(env);
  const optionsOf = (projects: readonly Project[]): Parameters<typeof createGitForge>[0]['repos'] =>
    projects.flatMap((project) => {
      const remote = project.path ?? project.url;
      if (remote === null) return [];
      const { name, branches, isTrustingPulls, mainBranch, pollMs } = project;
      return [
        {
          name,
          remote,
          branches,
          trustPulls: isTrustingPulls,
          ...(mainBranch === null ? {} : { mainBranch }),
          ...(pollMs === null ? {} : { pollMs }),
        },
      ];
    });
  const make = (repos: ReturnType<typeof optionsOf>): Forge =>
    createGitForge({
      name: gitForgeName,
      repos,
      spoolDir: settings.paths.hookDir,
      stateDir: join(settings.paths.stateDir, 'forge'),
      git,
      clock: systemClock,
      logger,
    });
  let repos = optionsOf(policy.projects());
  const { forge, renew } = renewing(make(repos));
  policy.onChange(() => {
    const next = optionsOf(policy.projects());
    if (canonical(next) === canonical(repos)) return;
    try {
      renew(make(next));
      repos = next;
    } catch (error) {
      logger.error('a repository of the configuration cannot be watched; the ones of before still are', {
        why: errorLine(error),
      });
    }
  });
  return forge;
}

function renewing(first: Forge): { readonly forge: Forge; readonly renew: (next: Forge) => void } {
  const renewable = createRenewableForge(first);
  return {
    forge: renewable.forge,
    renew: (next) => {
      renewable.renew(next);
    },
  };
}
