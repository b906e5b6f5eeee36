import type { Hono } from 'hono';
import { z } from 'zod';
import { workerNamePattern } from '../core/message-speaker.ts';
import type { Assets } from './assets.ts';
import { bearer, isToken } from './guard.ts';
import { layout, type Frame } from './pages/layout.ts';
import { messagePage } from './pages/message.ts';
import { workersPage } from './pages/workers.ts';
import { readBody } from './read-body.ts';
import { sendPage } from './send-page.ts';
import type { WebEnv } from './streams.ts';
import type { WebDeps } from './web-deps.ts';

const mostBodyBytes = 8 * 1024;

const WishBody = z.strictObject({
  worker: z.string().regex(workerNamePattern),
  wish: z.enum(['work', 'pause', 'drain']),
  by: z
    .string()
    .regex(/^[^\u0000-\u001f\u007f-\u009f]{1,64}$/)
    .optional(),
});

/** Who runs jobs: a page, and, with the token, what a person wants of a worker (`POST /api/workers`). */
export function addWorkerRoutes(app: Hono<WebEnv>, deps: WebDeps, assets: Assets): void {
  const { reader, clock, wishOfWorker } = deps;
  const frame: Frame = { assets, version: deps.version, tokenHint: deps.tokenHint };

  app.get('/workers', async (c) => {
    const [workers, { messagesParked }] = await Promise.all([reader.workers(), reader.counts()]);
    const body = workersPage({ now: clock.now(), workers, messagesParked, canAct: wishOfWorker !== undefined });
    return sendPage(c, layout(frame, { title: 'Workers', body }));
  });

  if (wishOfWorker === undefined) return;

  app.post('/api/workers', async (c) => {
    if (!isToken(bearer(c.req.header('authorization')), deps.token)) {
      c.header('WWW-Authenticate', 'Bearer');
      return c.json({ error: `a token is needed. ${deps.tokenHint}`, code: 'web/no-token' }, 401);
    }
    const wish = WishBody.safeParse(asJson((await readBody(c.req.raw, mostBodyBytes)) ?? ''));
    if (!wish.success) return c.json({ error: 'expected {worker, wish, by}', code: 'web/bad-request' }, 400);
    const { worker, wish: what, by = 'somebody with the token' } = wish.data;
    if (await wishOfWorker(worker, what, by)) return c.json({ worker, wish: what }, 202);
    return c.json({ error: `no worker named ${worker} was ever heard`, code: 'web/not-found' }, 404);
  });

  app.post('/actions/workers', async (c) => {
    const fields = new URLSearchParams((await readBody(c.req.raw, mostBodyBytes)) ?? '');
    const say = (title: string, text: string, status: 400 | 401 | 404): Promise<Response> =>
      sendPage(c, layout(frame, { title, body: messagePage(title, text, '/workers') }), status);
    if (!isToken(fields.get('token')?.trim(), deps.token)) return say('This needs the token', deps.tokenHint, 401);
    const wish = WishBody.safeParse({ worker: fields.get('worker'), wish: fields.get('wish') });
    if (!wish.success) return say('That cannot be asked', 'The form is none of ours.', 400);
    if (!(await wishOfWorker(wish.data.worker, wish.data.wish, 'page')))
      return say('That cannot be done', 'No worker of this name was ever heard.', 404);
    return c.redirect('/workers', 303);
  });
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
