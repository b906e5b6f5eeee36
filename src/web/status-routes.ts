import type { Hono } from 'hono';
import type { Assets } from './assets.ts';
import { layout, type Frame } from './pages/layout.ts';
import { messagePage } from './pages/message.ts';
import { refusedPage } from './pages/refused.ts';
import { sendPage } from './send-page.ts';
import type { WebEnv } from './streams.ts';
import type { WebDeps } from './web-deps.ts';

const shownRefused = 200;

/** What statuses on the forge point to that belongs to no run, and which of them the forge refuses. */
export function addStatusRoutes(app: Hono<WebEnv>, deps: WebDeps, assets: Assets): void {
  const frame: Frame = { assets, version: deps.version, tokenHint: deps.tokenHint };

  // The address says who skipped it (R11), nothing else: what stands there may have been made up.
  app.get('/skipped', (c) => {
    const text =
      c.req.query('by') === 'policy'
        ? 'The policy of the project wants no run of this context for the files that this change touches. The status on the forge says why. A comment “/test CONTEXT” runs it all the same.'
        : 'A maintainer said that this context needs no test at this commit. The status on the forge says why. The next push is tested again; a comment “/test CONTEXT” runs it now.';
    return sendPage(c, layout(frame, { title: 'Skipped', body: messagePage('Not tested here', text, '/') }));
  });

  app.get('/refused', async (c) => {
    const [refused, counts] = await Promise.all([deps.reader.refusedReports(shownRefused), deps.reader.counts()]);
    const body = refusedPage({ now: deps.clock.now(), refused, count: counts.reportsRefused });
    return sendPage(c, layout(frame, { title: 'Refused statuses', body }));
  });

  app.get('/api/refused', async (c) => c.json({ refused: await deps.reader.refusedReports(shownRefused) }));
}
