import type { Context, Hono } from 'hono';
import { z } from 'zod';
import { errorLine, isGroundcrewError } from '../base/errors.ts';
import { actionWords } from '../report/action-words.ts';
import { bearer, isToken } from './guard.ts';
import type { Operator, RepoSeen } from './operator.ts';
import { readBody } from './read-body.ts';
import { streamBytes, type WebEnv } from './streams.ts';
import type { WebDeps } from './web-deps.ts';

const mostBodyBytes = 8 * 1024;

const ScanBody = z.strictObject({
  /** Absent: every repository. */
  repo: z.string().min(1).max(4096).optional(),
  isDryRun: z.boolean().optional(),
});

/**
 * What only whoever has the token may ask, since each answer asks a forge: `POST /api/scan` and `GET /api/explain`. And
 * `GET /api/policy`, which tells everybody the version in force, and what is wrong with the file only with the token.
 */
export function addOperatorRoutes(app: Hono<WebEnv>, deps: WebDeps, operator: Operator): void {
  const hasToken = (c: Context<WebEnv>): boolean => isToken(bearer(c.req.header('authorization')), deps.token);
  const refuse = (c: Context<WebEnv>): Response => {
    c.header('WWW-Authenticate', 'Bearer');
    return c.json({ error: `a token is needed. ${deps.tokenHint}`, code: 'web/no-token' }, 401);
  };

  app.get('/api/policy', (c) => {
    const { problem, ...policy } = operator.policy();
    return c.json({ ...policy, isValid: problem === null, problem: hasToken(c) ? problem : null });
  });

  app.post('/api/scan', async (c) => {
    if (!hasToken(c)) return refuse(c);
    const text = await readBody(c.req.raw, mostBodyBytes);
    const parsed = ScanBody.safeParse(asJson(text ?? ''));
    if (!parsed.success) return c.json({ error: 'expected {repo, isDryRun}', code: 'web/bad-request' }, 400);
    const { repo, isDryRun = false } = parsed.data;
    const repos = operator.repos().filter((one) => repo === undefined || one.repo === repo);
    if (repo !== undefined && repos.length === 0) {
      return c.json({ error: `${repo} is not a project of this server`, code: 'web/not-found' }, 404);
    }
    // A line for each repository as it is done: a scan may take minutes, and a person wants to see it go on.
    return streamBytes(c, deps, (signal) => lines(repos, (one) => scanLines(operator, one, isDryRun, signal), signal), {
      'Content-Type': 'application/x-ndjson; charset=utf-8',
    });
  });

  app.get('/api/explain', async (c) => {
    if (!hasToken(c)) return refuse(c);
    const repo = c.req.query('repo') ?? '';
    const place = c.req.query('place') ?? '';
    const found = operator.repos().find((one) => one.repo === repo);
    if (found === undefined) {
      return c.json({ error: `${repo.slice(0, 200)} is not a project of this server`, code: 'web/not-found' }, 404);
    }
    if (!/^(pull\/[1-9]\d{0,8}|branch\/[^\u0000-\u001f\u007f]{1,1000})$/.test(place)) {
      return c.json({ error: 'place: expected pull/NUMBER or branch/NAME', code: 'web/bad-request' }, 400);
    }
    const changeKey = `${found.forge}|${found.repo}|${place}`;
    try {
      const peek = await operator.peek(found, changeKey, c.req.raw.signal);
      if (peek === null) return c.json({ error: `${repo} has no ${place.slice(0, 200)}`, code: 'web/not-found' }, 404);
      const { change } = peek.snapshot;
      const { headSha, baseRef, title, author, trust, isDraft, isOpen, labels } = change;
      return c.json({
        ...found,
        changeKey,
        policy: operator.policy().version,
        change: { headSha, baseRef, title, author, trust, isDraft, isOpen, labels },
        contexts: operator.explain(peek.snapshot),
        actions: peek.actions.map(actionWords),
      });
    } catch (error) {
      if (!isGroundcrewError(error)) throw error;
      return c.json({ error: error.message, code: error.code }, 502);
    }
  });
}

type Line = Readonly<Record<string, unknown>>;

async function* lines(
  repos: readonly RepoSeen[],
  of: (repo: RepoSeen) => AsyncIterable<Line>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const repo of repos) {
    if (signal.aborted) return;
    try {
      for await (const line of of(repo)) yield encode({ ...repo, ...line });
    } catch (error) {
      // One broken repository never stops another.
      yield encode({ ...repo, error: errorLine(error) });
    }
  }
}

async function* scanLines(
  operator: Operator,
  repo: RepoSeen,
  isDryRun: boolean,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  if (!isDryRun) {
    const report = await operator.scan(repo);
    yield report === null ? { error: 'is not watched any more' } : { ...report };
    return;
  }
  for (const changeKey of await operator.places(repo, signal)) {
    if (signal.aborted) return;
    const peek = await operator.peek(repo, changeKey, signal);
    if (peek !== null) yield { changeKey, actions: peek.actions.map(actionWords) };
  }
  yield { isEnd: true };
}

function encode(line: Line): Uint8Array {
  return Buffer.from(`${JSON.stringify(line)}\n`);
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text) as unknown;
  } catch {
    return null;
  }
}
