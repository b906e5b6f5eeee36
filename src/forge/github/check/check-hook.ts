import { z } from 'zod';
import { plain } from '../../../base/git.ts';
import type { Account } from '../account/account.ts';
import { bad, type GitHubFinding, good, lesser } from './finding.ts';
import type { Parameters } from '../client/github-client.ts';
import { callAt, type GitHubHub } from '../hub.ts';

/** Which addresses are ours. */
export interface HookCheck {
  readonly isOurHook: (url: string) => boolean;
  /** Where GitHub should send; null: not known. */
  readonly ourHook: string | null;
  readonly signal: AbortSignal;
}

/** Events that tell us when to look; the scanner finds without them, later. */
const neededEvents = ['pull_request', 'push', 'status', 'issue_comment', 'create', 'delete'];

const configSchema = z.object({
  url: z.string().optional(),
  content_type: z.string().optional(),
  // Shown as asterisks when there is one.
  secret: z.string().nullable().optional(),
  insecure_ssl: z.union([z.string(), z.number()]).optional(),
});
const hookSchema = z.object({
  id: z.number(),
  active: z.boolean(),
  events: z.array(z.string()),
  config: configSchema,
});
const deliveriesSchema = z.array(z.object({ delivered_at: z.string(), status: z.string(), status_code: z.number() }));

/** The one webhook of the App. */
export async function checkAppHook(
  hub: GitHubHub,
  app: Account,
  options: HookCheck,
): Promise<readonly GitHubFinding[]> {
  const { signal } = options;
  const config = await hub.client.getOrNull('GET /app/hook/config', {}, configSchema, { account: app, signal });
  if (config === null || (config.url ?? '') === '') {
    const remedy = `${setIn('activate it in the settings of the App', options)}; until then scans find what moves`;
    return [lesser('the App has no webhook', remedy)];
  }
  const log = { route: 'GET /app/hook/deliveries', parameters: {}, account: app, who: 'the App' };
  return [...judgeHook('the App', { active: true, config }, options), await lastDelivery(hub, log, signal)];
}

/** The webhooks of a repository that call us; needs the right to see them. */
export async function checkRepoHooks(
  hub: GitHubHub,
  repo: string,
  options: HookCheck,
): Promise<readonly GitHubFinding[]> {
  const { at, call } = await callAt(hub, repo, options.signal);
  const hooks = await hub.client.getOrNull('GET /repos/{owner}/{repo}/hooks', at, z.array(hookSchema), call);
  // GitHub hides them from whoever may not manage them.
  if (hooks === null) {
    const remedy =
      'look at them by hand, or give this account Webhooks: read; without it lost deliveries are found by scans';
    return [lesser(`the webhooks of ${repo} are not shown to this account`, remedy)];
  }
  const found = hooks.filter(({ config }) => options.isOurHook(config.url ?? ''));
  if (found.length === 0) {
    const remedy = `${setIn('add one (guide: GitHub)', options)}; until then scans find what moves`;
    return [lesser(`no webhook of ${repo} calls us`, remedy)];
  }
  const findings: GitHubFinding[] = [];
  for (const hook of found) {
    const who = `the webhook ${hook.id} of ${repo}`;
    findings.push(
      ...judgeHook(who, hook, options),
      ...eventFindings(who, hook.events),
      await lastDelivery(
        hub,
        {
          route: 'GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries',
          parameters: { ...at, hook_id: hook.id },
          account: call.account,
          who,
        },
        options.signal,
      ),
    );
  }
  return findings;
}

/** What would have to be subscribed, in one line. */
export function eventFindings(who: string, has: readonly string[]): readonly GitHubFinding[] {
  const missing = has.includes('*') ? [] : neededEvents.filter((event) => !has.includes(event));
  if (missing.length === 0) return [];
  const what = `${who} does not send ${missing.length === 1 ? 'the event' : 'the events'} ${missing.join(', ')}`;
  return [lesser(what, 'subscribe in its settings; until then scans find what moves')];
}

/** With the address, when we know it. */
function setIn(remedy: string, { ourHook }: HookCheck): string {
  return ourHook === null ? remedy : `${remedy}, for ${ourHook}`;
}

function judgeHook(
  who: string,
  { active, config }: { readonly active: boolean; readonly config: z.output<typeof configSchema> },
  { isOurHook, ourHook }: HookCheck,
): readonly GitHubFinding[] {
  const findings: GitHubFinding[] = [];
  if (config.url === undefined || !isOurHook(config.url)) {
    const url = config.url === undefined ? 'nowhere' : plain(config.url).slice(0, 200);
    findings.push(bad(`${who} sends its events to ${url}`, `set its address to ${ourHook ?? 'ours'}`));
  }
  if (!active) findings.push(bad(`${who} is not active`, 'activate it'));
  if ((config.secret ?? '') === '') findings.push(bad(`${who} has no secret`, 'set the one that is configured here'));
  if (String(config.insecure_ssl ?? '0') !== '0')
    findings.push(bad(`${who} does not verify certificates`, 'switch that on'));
  if (config.content_type !== undefined && !['json', 'form'].includes(config.content_type)) {
    findings.push(bad(`${who} sends ${plain(config.content_type)}`, 'choose application/json'));
  }
  return findings.length === 0 ? [good(`${who} is set up`)] : findings;
}

async function lastDelivery(
  { client }: GitHubHub,
  hook: { readonly route: string; readonly parameters: Parameters; readonly account: Account; readonly who: string },
  signal: AbortSignal,
): Promise<GitHubFinding> {
  const [last] = await client.get(hook.route, { ...hook.parameters, per_page: 1 }, deliveriesSchema, {
    account: hook.account,
    signal,
  });
  if (last === undefined) return good(`${hook.who} has sent nothing yet`);
  if (last.status_code >= 200 && last.status_code < 300) return good(`${hook.who}: its last delivery was taken`);
  const what = `${hook.who}: its last delivery failed with ${last.status_code} (${plain(last.status).slice(0, 100)})`;
  if (last.status_code === 401) {
    return bad(what, 'make its secret one of webhookSecrets, then let GitHub deliver again');
  }
  return bad(what, 'see that its address reaches this server');
}
