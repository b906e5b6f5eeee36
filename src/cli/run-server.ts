import { randomBytes } from 'node:crypto';
import { errorLine, GroundcrewError, isGroundcrewError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { ownRequestPrefix } from '../core/request.ts';
import { removeServerFile, writeServerFile } from '../config/server-file.ts';
import type { LivePolicy } from '../config/live-policy.ts';
import type { Metrics } from '../metrics/catalog.ts';
import type { GrantSource } from '../dispatch/give-grants.ts';
import type { Forge } from '../forge/forge.ts';
import type { WebhookReader } from '../forge/webhook.ts';
import type { Peek } from '../intake/intake.ts';
import type { PlanSource } from '../intake/plan-source.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { Queue } from '../queue/queue.ts';
import { createAskWaiting } from '../report/ask-waiting.ts';
import { runRetention, type RetentionDeps } from '../retention/retention-loop.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createWebApp } from '../web/app.ts';
import { startWebServer, type RawHandlers, type WebServer } from '../web/server.ts';
import type { OpenLog, RunWords, Submission, WebDeps } from '../web/web-deps.ts';
import { jobQueue } from '../core/queue-plan.ts';
import { noSuchCheck } from '../decide/no-such-check.ts';
import { changeWords } from './change-words.ts';
import { createForgeLinks } from './forge-links.ts';
import { followPolicy, operatorOf, schedulesOf } from './serve-policy.ts';
import { serve, type Server, type ServerDeps } from './serve.ts';
import { createWebhooks } from './webhooks.ts';
import type { ServeOrder } from './wiring.ts';

/** The server's rooms, opened by `wire.ts`. */
export interface ServerParts {
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
  readonly queue: Queue;
  readonly store: ObjectStore;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly plan: PlanSource;
  readonly openLog: OpenLog;
  readonly watchLog?: NonNullable<WebDeps['watchLog']>;
  readonly onHeard?: NonNullable<ServerDeps['onHeard']>;
  /** Works behind what is sealed, until its signal aborts; absent: nothing is to be done. */
  readonly keepSealed?: (signal: AbortSignal) => Promise<void>;
  readonly words: RunWords;
  /** See `ServerDeps.grants`. */
  readonly grants?: GrantSource;
  /** See `DispatcherDeps.poolsOf`. */
  readonly poolsOf?: (worker: string) => readonly string[] | null;
  /** See `DispatcherDeps.identity`. */
  readonly identity: string | null;
  /** See `DispatcherDeps.hadEarlierLife`. */
  readonly hadEarlierLife: boolean;
  readonly signingKey: string;
  readonly verifyKeys: readonly string[];
  readonly runRecords: Parameters<typeof serve>[0]['runRecords'];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: string;
  readonly retention: Pick<RetentionDeps, 'sweepStore' | 'tidyLogs' | 'fillMirrors' | 'giveBackSpace' | 'keepRunsMs'>;
  /** One for each forge that sends webhooks, to `/webhook/NAME`. */
  readonly webhooks: readonly WebhookReader[];
  readonly policy: LivePolicy;
  readonly metrics: Metrics;
  /** Closes what was opened for the server alone, once its loops have ended. */
  close(): Promise<void>;
}

/** A server that listens. */
export interface RunningServer {
  readonly server: Server;
  readonly address: string;
  readonly token: string;
  /** Resolves when it is recovered and hands out work. */
  readonly ready: Promise<void>;
  /** Calls when something in the ledger changed. */
  onChange(listener: () => void): void;
  close(): Promise<void>;
}

const scanPeriodMs = 10 * 60_000;

/**
 * Starts the loops and the web server, and leaves a note for the clients of this user. Events are taken from the first
 * moment; the pages show what is there while the server recovers.
 */
export async function runServer(parts: ServerParts, order: ServeOrder, signal: AbortSignal): Promise<RunningServer> {
  const { clock, logger, reader } = parts;
  const { paths } = order.settings;
  const token = randomBytes(24).toString('base64url');
  const listeners = new Set<() => void>();
  const { metrics, policy } = parts;
  let isReady = false;
  let nowReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    nowReady = resolve;
  });
  const stopped = new AbortController();
  const life = AbortSignal.any([signal, stopped.signal]);
  let web: WebServer | null = null;
  const server = serve(
    {
      ...parts,
      verifyKeys: parts.verifyKeys,
      knownQueues: [
        ...new Set(
          policy
            .projects()
            .flatMap((one) => [one.policy.fallback, ...one.policy.checks])
            .map(jobQueue),
        ),
      ],
      // The port may be any that is free: read at each use, and known as soon as we listen.
      publicUrl: () => order.settings.server.publicUrl ?? web?.address ?? null,
      askWaiting: createAskWaiting(reader, clock),
      scanPeriodMs,
      schedules: () => schedulesOf(policy),
      onChanged: () => {
        for (const tell of listeners) tell();
      },
      onReady: () => {
        isReady = true;
        nowReady();
      },
    },
    life,
  );
  server.done.catch((error: unknown) => {
    logger.error('the server stopped', { why: errorLine(error) });
  });
  // Once it is ready: before the workers have been heard nobody can say what is over.
  const forgetting = Promise.race([ready, server.done.catch(() => undefined)]).then(() =>
    runRetention({ ...parts, ...parts.retention }, life),
  );
  const { handlers, sweeper } = createWebhooks({
    ...parts,
    readers: parts.webhooks,
    onNew: () => {
      server.intake.wake();
    },
  });
  const sweeping = Promise.race([ready, server.done.catch(() => undefined)]).then(() => sweeper.run(life));
  const keeping = parts.keepSealed?.(life);
  const followed = followPolicy(parts, server, life);
  const onChange = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const app = createWebApp({
    reader,
    store: parts.store,
    openLog: parts.openLog,
    ...(parts.watchLog === undefined ? {} : { watchLog: parts.watchLog }),
    wishOfWorker: (...wish) => server.dispatcher.wish(...wish),
    submitRequest: (submission) => submit({ parts, server, signal: life }, submission),
    onChange,
    words: parts.words,
    linksOf: createForgeLinks(order.settings.forges),
    metrics: async () => {
      const { version, problem } = policy.state();
      metrics.policyIs(version, problem === null);
      const { bySource, missed, oldestPendingAt } = await reader.deliveryTotals();
      const oldestPendingMs = oldestPendingAt === null ? 0 : Math.max(0, clock.now() - oldestPendingAt);
      return await metrics.expose(await reader.counts(), { bySource, missed, oldestPendingMs });
    },
    isReady: () => isReady,
    operator: operatorOf(parts, {
      intake: server.intake,
      // Who asks for a look at everything may miss something: the delivery log knows what was sent.
      scanNow: (forge, repo) => {
        sweeper.sweepSoon();
        return server.scanNow(forge, repo);
      },
    }),
    clock,
    logger,
    token,
    tokenHint: `It is part of the address that groundcrew printed when it started, and in ${paths.serverFile}.`,
    publicAddress: order.settings.server.publicUrl,
    version: parts.version,
  });
  try {
    web = await listen(app, handlers, order);
    writeServerFile(paths.serverFile, { url: web.address, token, pid: process.pid });
  } catch (error) {
    // The loops run already, over a ledger that is about to be closed.
    stopped.abort();
    await web?.close();
    await server.done.catch(() => undefined);
    await Promise.all([forgetting, sweeping, keeping, followed]);
    throw error;
  }
  const pages = web;
  return {
    server,
    address: pages.address,
    token,
    ready: Promise.race([ready, server.done]),
    onChange: (listener) => void onChange(listener),
    async close() {
      removeServerFile(paths.serverFile, process.pid);
      stopped.abort();
      await pages.close();
      await server.done.catch(() => undefined);
      await Promise.all([forgetting, sweeping, keeping, followed]);
    },
  };
}

/** A person's request is an event like any other: a delivery, durable before anybody is answered. */
async function submit(
  { parts, server, signal }: { readonly parts: ServerParts; readonly server: Server; readonly signal: AbortSignal },
  submission: Submission,
): Promise<{ readonly deliveryId: string }> {
  const { forge, repo, changeKey, kind, by, contexts, jobId } = submission;
  const sha = submission.sha ?? (await headOf(parts, submission, signal));
  await refuseUnknown({ parts, server, signal }, submission);
  const id = `${ownRequestPrefix}${parts.random.hex(8)}`;
  await server.receive({
    id,
    event: { kind: 'request', forge, repo, changeKey, request: { id, kind, by, sha, contexts, jobId, isDone: false } },
    receivedAt: parts.clock.now(),
    traceId: parts.random.hex(16),
  });
  return { deliveryId: id };
}

/**
 * Whoever asks for a test by a name that means nothing there hears it at once. Where that cannot be found out now, the request is
 * taken: intake answers what it finds.
 * @throws GroundcrewError `cli/no-such-check`
 */
async function refuseUnknown(
  { parts, server, signal }: { readonly parts: ServerParts; readonly server: Server; readonly signal: AbortSignal },
  { kind, jobId, forge, repo, changeKey, contexts }: Submission,
): Promise<void> {
  if (kind !== 'test' || jobId !== null || contexts.length === 0) return;
  let peek: Peek | null;
  try {
    peek = await server.intake.peek(forge, repo, changeKey, signal);
  } catch (error) {
    parts.logger.warn('which checks there are could not be found out', { change: changeKey, why: errorLine(error) });
    return;
  }
  const why = peek === null ? null : noSuchCheck(peek.snapshot.plan, contexts, changeWords({ forge, repo, changeKey }));
  if (why !== null) throw new GroundcrewError('cli/no-such-check', why);
}

/** The head that a request without a commit means. */
async function headOf(
  parts: ServerParts,
  { forge, repo, changeKey }: Submission,
  signal: AbortSignal,
): Promise<string> {
  const view = await parts.forges.get(forge)?.view(repo, changeKey, signal);
  if (view === null || view === undefined)
    throw new GroundcrewError('cli/no-such-place', `${repo} has no such branch or pull request any more`);
  return view.change.headSha;
}

/** The port that was asked for; when only the default is taken, any other. */
async function listen(
  app: Parameters<typeof startWebServer>[0],
  handlers: RawHandlers,
  { host, port, isPortFixed }: ServeOrder,
): Promise<WebServer> {
  try {
    return await startWebServer(app, { host, port }, handlers);
  } catch (error) {
    if (isPortFixed || !isGroundcrewError(error, 'web/cannot-listen')) throw error;
    return await startWebServer(app, { host, port: 0 }, handlers);
  }
}
