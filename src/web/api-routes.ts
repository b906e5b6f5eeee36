import type { Hono } from 'hono';
import { isGroundcrewError } from '../base/errors.ts';
import type { RunFilter } from '../ledger/ledger-reader.ts';
import { bearer, isToken } from './guard.ts';
import { mergeEvents } from './event-stream.ts';
import { noSuchRun } from './no-such-run.ts';
import { readBody } from './read-body.ts';
import { streamEvents, type WebEnv } from './streams.ts';
import { parseRequest, resolveSubmission } from './submit.ts';
import type { WebDeps } from './web-deps.ts';

const mostBodyBytes = 64 * 1024;
const mostRuns = 500;
const quietMs = 250;

/** JSON for the command line and scripts: lists and runs as in `ledger-reader.ts`, requests, health, metrics. */
export function addApiRoutes(app: Hono<WebEnv>, deps: WebDeps): void {
  const { reader } = deps;

  app.post('/api/requests', async (c) => {
    if (!isToken(bearer(c.req.header('authorization')), deps.token)) {
      c.header('WWW-Authenticate', 'Bearer');
      return c.json({ error: `a token is needed. ${deps.tokenHint}`, code: 'web/no-token' }, 401);
    }
    const text = await readBody(c.req.raw, mostBodyBytes);
    if (text === null) {
      return c.json({ error: `the body is larger than ${mostBodyBytes} bytes`, code: 'web/too-large' }, 413);
    }
    const fields = parseJson(text);
    if (fields === undefined) return c.json({ error: 'the body is not JSON', code: 'web/bad-request' }, 400);
    const parsed = parseRequest(fields);
    if ('why' in parsed) return c.json({ error: parsed.why, code: 'web/bad-request' }, 400);
    const resolved = await resolveSubmission(parsed.body, reader);
    if (resolved.kind === 'refused') {
      return c.json({ error: resolved.why, code: 'web/bad-request' }, resolved.status);
    }
    try {
      return c.json(await deps.submitRequest(resolved.submission), 202);
    } catch (error) {
      // Ours are one line for whoever asked; anything else is for the log.
      if (!isGroundcrewError(error)) throw error;
      return c.json({ error: error.message, code: error.code }, error.retry === 'never' ? 400 : 503);
    }
  });

  app.get('/api/runs', async (c) => {
    const filter = filterOf(c.req.query());
    return filter === null
      ? c.json({ error: 'state: one of waiting, running, ended', code: 'web/bad-request' }, 400)
      : c.json(await reader.listRuns(filter));
  });
  app.get('/api/runs/:id', async (c) => {
    const run = await reader.run(c.req.param('id'));
    if (run === null) return c.json({ error: noSuchRun, code: 'web/not-found' }, 404);
    const position = run.summary.state === 'waiting' ? await reader.position(run.summary.jobId) : null;
    return c.json({ ...run, position });
  });
  app.get('/api/held', async (c) => c.json(await reader.held()));
  app.get('/api/workers', async (c) => c.json(await reader.workers()));
  app.get('/api/counts', async (c) => c.json(await reader.counts()));

  app.get('/events', (c) =>
    streamEvents(c, deps, (signal) =>
      mergeEvents({ source: null, onChange: deps.onChange, clock: deps.clock, quietMs, signal }),
    ),
  );
  app.get('/metrics', async (c) =>
    c.text(await deps.metrics(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  app.get('/robots.txt', (c) => c.text('User-agent: *\nDisallow: /\n'));
  app.get('/healthz', (c) => {
    const policy = deps.operator?.policy();
    // Alive all the same: what was valid last is in force, and a restart would lose that.
    if (policy === undefined || policy.problem === null) return c.text('ok\n');
    return c.text(`ok; the configuration file is wrong, version ${policy.version} stays in force\n`);
  });
  app.get('/readyz', (c) => (deps.isReady() ? c.text('ready\n') : c.text('not ready\n', 503)));
}

/** Reads the list's query; null when the state is none. Other bad values fall back to the widest. */
export function filterOf(query: Readonly<Record<string, string>>): RunFilter | null {
  const state = query['state'];
  if (state !== undefined && state !== 'waiting' && state !== 'running' && state !== 'ended') return null;
  const asked = Number(query['limit'] ?? 50);
  const limit = Number.isInteger(asked) && asked >= 1 ? Math.min(asked, mostRuns) : 50;
  const repo = query['repo'];
  const before = query['before'];
  return {
    limit,
    ...(state === undefined ? {} : { state }),
    ...(repo === undefined || repo === '' ? {} : { repo }),
    ...(before === undefined || before === '' ? {} : { before }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
