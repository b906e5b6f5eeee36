import type { Hono } from 'hono';
import type { Assets } from './assets.ts';
import { deliveriesPage } from './pages/deliveries.ts';
import { layout, type Frame } from './pages/layout.ts';
import { sendPage } from './send-page.ts';
import type { WebEnv } from './streams.ts';
import type { WebDeps } from './web-deps.ts';

const usualDays = 30;
const mostDays = 366;
const shownParked = 50;
const mostParked = 500;

/** How events reached us and what was missed: a page, and the same as JSON. */
export function addDeliveryRoutes(app: Hono<WebEnv>, deps: WebDeps, assets: Assets): void {
  const { reader, clock } = deps;
  const frame: Frame = { assets, version: deps.version, tokenHint: deps.tokenHint };

  app.get('/deliveries', async (c) => {
    const now = clock.now();
    const [days, parked, counts] = await Promise.all([
      reader.deliveryDays(usualDays, now),
      reader.parkedDeliveries(shownParked),
      reader.counts(),
    ]);
    const body = deliveriesPage({ now, span: usualDays, days, parked, parkedCount: counts.deliveriesParked });
    return sendPage(c, layout(frame, { title: 'Deliveries', body }));
  });

  app.get('/api/deliveries', async (c) => {
    const asked = Number(c.req.query('days') ?? usualDays);
    const days = Number.isInteger(asked) && asked >= 1 ? Math.min(asked, mostDays) : usualDays;
    return c.json({
      days: await reader.deliveryDays(days, clock.now()),
      parked: await reader.parkedDeliveries(mostParked),
    });
  });
}
