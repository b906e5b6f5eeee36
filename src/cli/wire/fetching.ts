import type { Logger } from '../../base/logger.ts';
import type { Settings } from '../../config/settings.ts';
import type { CliContext } from '../cli-context.ts';
import type { HostedForges } from './forges.ts';

/** How jobs on this machine fetch the repositories of forges. */
export type Fetching = Pick<HostedForges, 'fetchCredentials' | 'close'>;

/**
 * For workers that read the same configuration as the server: they ask the forge by themselves. (A worker of another machine
 * gets a token with the answer to its claim, see `grantSource`.) Loads and opens nothing before a job needs it.
 */
export function createFetching(settings: Settings, context: Pick<CliContext, 'env'>, logger: Logger): Fetching {
  let opened: Promise<HostedForges> | null = null;
  const open = async (): Promise<HostedForges> => {
    const { createHostedForges } = await import('./forges.ts');
    const projects = (): Settings['projects'] => settings.projects;
    return createHostedForges({ settings, projects, env: context.env, logger, cacheName: 'fetch' });
  };
  return {
    async fetchCredentials(subject, signal, isRefused) {
      if (!settings.forges.some(({ name }) => name === subject.forge)) return null;
      opened ??= open();
      return await (await opened).fetchCredentials(subject, signal, isRefused);
    },
    async close() {
      await (await opened)?.close();
    },
  };
}
