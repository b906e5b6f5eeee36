import type { Hono } from 'hono';
import { changeKey } from '../core/subject.ts';
import type { LedgerReader, RunDetail, RunSummary } from '../ledger/ledger-reader.ts';
import type { Assets } from './assets.ts';
import { findAttempt, startedAttempts } from './attempt-name.ts';
import { listFiles } from './file-routes.ts';
import { findEnded } from './find-ended.ts';
import { homePage, type HomeView, type Noted } from './pages/home.ts';
import { layout, type Frame } from './pages/layout.ts';
import { messagePage } from './pages/message.ts';
import { runPage } from './pages/run.ts';
import { sendPage } from './send-page.ts';
import type { WebEnv } from './streams.ts';
import type { WebDeps } from './web-deps.ts';

const shownRunning = 100;
const shownWaiting = 50;

/** The pages for people, rendered here, complete without script. */
export function addPageRoutes(app: Hono<WebEnv>, deps: WebDeps, assets: Assets): void {
  const frame: Frame = { assets, version: deps.version, tokenHint: deps.tokenHint };

  app.get('/', async (c) => {
    const query = {
      q: (c.req.query('q') ?? '').trim().slice(0, 200),
      repo: (c.req.query('repo') ?? '').slice(0, 4096),
      result: (c.req.query('result') ?? '').slice(0, 20),
      before: (c.req.query('before') ?? '').slice(0, 200),
    };
    if (/^[0-9a-f]{6,32}$/.test(query.q)) {
      const run = await deps.reader.run(query.q);
      if (run !== null) return c.redirect(`/runs/${run.summary.jobId}`, 302);
    }
    return sendPage(c, layout(frame, { title: 'Runs', body: homePage(await homeView(deps, query)) }));
  });

  // The verdict's address may carry the generation; the page shows all of them.
  app.get('/runs/:id/:generation{[0-9]+}?', async (c) => {
    const run = await deps.reader.run(c.req.param('id'));
    if (run === null) {
      const text =
        'No run has this id. Ended runs are forgotten after some time (retention.runs), or the address was cut short.';
      return sendPage(
        c,
        layout(frame, { title: 'No such run', body: messagePage('There is no such run', text, '/') }),
        404,
      );
    }
    const shown = findAttempt(run, c.req.query('attempt'));
    const { files, hasMore } = shown === null ? { files: [], hasMore: false } : await listFiles(deps.store, shown);
    const body = runPage({
      now: deps.clock.now(),
      run,
      sentence: await sentenceOf(deps, run.summary),
      attempts: startedAttempts(run),
      shown,
      files,
      hasMoreFiles: hasMore,
      approvable: await approvable(deps.reader, run),
      links: deps.linksOf?.(run.summary) ?? null,
    });
    const title = `${run.summary.title.slice(0, 80)} (${run.summary.jobId.slice(0, 8)})`;
    return sendPage(c, layout(frame, { title, body }));
  });

  app.notFound((c) =>
    c.req.path.startsWith('/api/')
      ? c.json({ error: 'there is no such address', code: 'web/not-found' }, 404)
      : sendPage(
          c,
          layout(frame, {
            title: 'Not found',
            body: messagePage('There is no such page', 'The address is wrong, or the page has gone.', '/'),
          }),
          404,
        ),
  );
}

async function homeView(deps: WebDeps, query: HomeView['query']): Promise<HomeView> {
  const { reader, words } = deps;
  const [counts, workers, held, running, waiting, found] = await Promise.all([
    reader.counts(),
    reader.workers(),
    reader.held(),
    reader.listRuns({ state: 'running', limit: shownRunning }),
    reader.listRuns({ state: 'waiting', limit: shownWaiting }),
    findEnded(reader, query),
  ]);
  // The list comes in feed order, so a run's place in it is its position: no question to the ledger for each.
  let position = 0;
  const noted: Promise<Noted>[] = waiting.runs.map(async (run) => {
    if (run.state !== 'waiting') return { run, note: words.standing(run) };
    const place = position;
    position += 1;
    return { run, note: await words.whyWaiting(run, place) };
  });
  const listed = [...running.runs, ...waiting.runs, ...found.runs];
  return {
    now: deps.clock.now(),
    policy: deps.operator?.policy() ?? null,
    query,
    counts,
    workers,
    held: held.map((one) => ({ ...one, links: deps.linksOf?.({ ...one.change, sha: one.change.headSha }) ?? null })),
    running: running.runs.map((run) => ({ run, note: words.standing(run) })),
    waiting: await Promise.all(noted),
    ended: found.runs.map((run) => ({ run, note: run.outcome?.kind === 'passed' ? '' : words.standing(run) })),
    next: found.next,
    searched: found.searched,
    repos: [...new Set(listed.map(({ repo }) => repo))].sort().slice(0, 50),
  };
}

async function sentenceOf(deps: WebDeps, run: RunSummary): Promise<string> {
  if (run.state !== 'waiting') return deps.words.standing(run);
  return deps.words.whyWaiting(run, (await deps.reader.position(run.jobId)) ?? 0);
}

async function approvable(reader: LedgerReader, run: RunDetail): Promise<{ readonly changeKey: string } | null> {
  if (run.job.isTrusted) return null;
  const key = changeKey(run.job.subject);
  const held = await reader.held();
  const isHeld = held.some(
    ({ kind, change }) => kind === 'needs-approval' && change.key === key && change.headSha === run.summary.sha,
  );
  return isHeld ? { changeKey: key } : null;
}
