import { Hono } from 'hono';
import { errorLine } from '../base/errors.ts';
import { addActionRoutes } from './action-routes.ts';
import { addApiRoutes } from './api-routes.ts';
import { createAssets } from './assets.ts';
import { addDeliveryRoutes } from './delivery-routes.ts';
import { addFileRoutes } from './file-routes.ts';
import { guard } from './guard.ts';
import { addLogRoutes } from './log-routes.ts';
import { addOperatorRoutes } from './operator-routes.ts';
import { addPageRoutes } from './page-routes.ts';
import { addStatusRoutes } from './status-routes.ts';
import type { WebEnv } from './streams.ts';
import type { WebDeps } from './web-deps.ts';
import { addWorkerRoutes } from './worker-routes.ts';

/**
 * Pages, JSON and streams for people and the command line. Reading is open to whoever reaches the address; whatever changes
 * something needs the token. No cookies, no CORS, nothing from elsewhere.
 */
export function createWebApp(deps: WebDeps): Hono<WebEnv> {
  const app = new Hono<WebEnv>();
  app.use(guard(deps.publicAddress));
  app.onError((error, c) => {
    deps.logger.error('request failed', { path: c.req.path.slice(0, 200), error: errorLine(error) });
    return c.json({ error: 'this failed on our side; the server log says why', code: 'web/internal' }, 500);
  });
  const assets = createAssets();
  assets.addRoutes(app);
  addApiRoutes(app, deps);
  if (deps.operator !== undefined) addOperatorRoutes(app, deps, deps.operator);
  addLogRoutes(app, deps);
  addFileRoutes(app, deps);
  addDeliveryRoutes(app, deps, assets);
  addWorkerRoutes(app, deps, assets);
  addStatusRoutes(app, deps, assets);
  addPageRoutes(app, deps, assets);
  addActionRoutes(app, deps, assets);
  return app;
}
