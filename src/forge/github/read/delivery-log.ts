import { z } from 'zod';
import { errorLine, isGroundcrewError } from '../../../base/errors.ts';
import type { DeliveryLine, DeliveryLog, LoggedDelivery } from '../../forge.ts';
import type { Account } from '../account/account.ts';
import type { Parameters } from '../client/github-client.ts';
import { callAt, type GitHubHub } from '../hub.ts';

/** GitHub keeps them three days. https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries */
export const deliveriesKeptMs = 3 * 24 * 3_600_000;

const lineSchema = z.object({
  id: z.number(),
  guid: z.string().max(200),
  delivered_at: z.iso.datetime({ offset: true }),
  status_code: z.number(),
  event: z.string().max(200),
});
const deliverySchema = lineSchema.extend({ request: z.object({ payload: z.unknown() }) });
const hooksSchema = z.array(
  z.object({ id: z.number(), active: z.boolean(), config: z.object({ url: z.string().optional() }) }),
);

/** Where the lines of one hook are: an App has one hook, a repository may have several. */
interface HookAt {
  readonly name: string;
  readonly route: string;
  readonly parameters: Parameters;
  readonly account: (signal: AbortSignal) => Promise<Account>;
}

/**
 * The logs of the hooks that call us: the App's, or with a plain token those of each watched repository whose address is one
 * of `ours` (which needs the right to see hooks).
 */
export async function deliveryLogs(
  hub: GitHubHub,
  isOurs: (url: string) => boolean,
  signal: AbortSignal,
): Promise<readonly DeliveryLog[]> {
  const { app } = hub.accounts;
  if (app !== null) {
    const account = (): Promise<Account> => Promise.resolve(app);
    return [logOf(hub, { name: 'app', route: 'GET /app/hook/deliveries', parameters: {}, account })];
  }
  const logs: DeliveryLog[] = [];
  for (const { name } of hub.repos()) {
    try {
      const { at, call } = await callAt(hub, name, signal);
      const hooks = await hub.client.get('GET /repos/{owner}/{repo}/hooks', at, hooksSchema, call);
      for (const hook of hooks.filter(({ active, config }) => active && isOurs(config.url ?? ''))) {
        logs.push(
          logOf(hub, {
            name: `${name} hook ${hook.id}`,
            route: 'GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries',
            parameters: { ...at, hook_id: hook.id },
            account: async (one) => (await callAt(hub, name, one)).call.account,
          }),
        );
      }
    } catch (error) {
      if (signal.aborted) throw error;
      hub.logger.warn('the hooks of a repository cannot be read, so lost deliveries are found by scans only', {
        repo: name,
        why: errorLine(error),
      });
    }
  }
  return logs;
}

function logOf({ client, logger }: GitHubHub, hook: HookAt): DeliveryLog {
  return {
    name: hook.name,
    async *read(since, choose, signal) {
      const call = { account: await hook.account(signal), signal };
      const given = new Set<string>();
      // Newest first, by cursor. https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
      for await (const page of client.pages(hook.route, hook.parameters, z.array(lineSchema), call)) {
        const young = page
          .map((line) => ({ number: line.id, line: lineOf(line) }))
          .filter(({ line }) => line.deliveredAt >= since);
        const chosen = await choose(young.map(({ line }) => line));
        for (const { number, line } of young) {
          if (!chosen.has(line.id) || given.has(line.id)) continue;
          given.add(line.id);
          yield await whole(line, number, call);
        }
        // Redeliveries stand among the newer ones, so one old line does not end the search; a page of them does.
        if (young.length === 0) return;
      }
    },
  };

  async function whole(
    line: DeliveryLine,
    number: number,
    call: { readonly account: Account; readonly signal: AbortSignal },
  ): Promise<LoggedDelivery> {
    const parameters = { ...hook.parameters, delivery_id: number };
    try {
      const found = await client.getOrNull(`${hook.route}/{delivery_id}`, parameters, deliverySchema, call);
      const payload = found?.request.payload ?? null;
      return { ...line, body: payload === null ? null : JSON.stringify(payload) };
    } catch (error) {
      if (!isGroundcrewError(error, 'forge/bad-answer')) throw error;
      logger.warn('a logged delivery cannot be read', { log: hook.name, delivery: line.id, why: errorLine(error) });
      return { ...line, body: null };
    }
  }
}

function lineOf(line: z.output<typeof lineSchema>): DeliveryLine {
  return {
    id: line.guid,
    event: line.event,
    deliveredAt: Date.parse(line.delivered_at),
    isTaken: line.status_code >= 200 && line.status_code < 300,
  };
}
