import type { Hono } from 'hono';
import { isGroundcrewError } from '../base/errors.ts';
import type { Assets } from './assets.ts';
import { isToken } from './guard.ts';
import { layout } from './pages/layout.ts';
import { messagePage } from './pages/message.ts';
import { readBody } from './read-body.ts';
import { sendPage } from './send-page.ts';
import type { WebEnv } from './streams.ts';
import { parseRequest, resolveSubmission } from './submit.ts';
import type { WebDeps } from './web-deps.ts';

const mostBodyBytes = 64 * 1024;
const fieldNames = ['kind', 'jobId', 'changeKey', 'sha'] as const;

/** The forms of the pages when there is no script: the token comes as a field, the answer is a page. */
export function addActionRoutes(app: Hono<WebEnv>, deps: WebDeps, assets: Assets): void {
  const frame = { assets, version: deps.version, tokenHint: deps.tokenHint };
  app.post('/actions', async (c) => {
    const say = (
      title: string,
      text: string,
      back: string,
      status: 200 | 400 | 401 | 404 | 409 | 413,
    ): Promise<Response> => sendPage(c, layout(frame, { title, body: messagePage(title, text, back) }), status);
    const text = await readBody(c.req.raw, mostBodyBytes);
    if (text === null) return say('This is too large', 'The form was larger than any of ours.', '/', 413);
    const fields = new URLSearchParams(text);
    const asked = fields.get('back') ?? '/';
    // Only a path of ours; `//host` and `/\host` would lead away.
    const back = /^\/(?![/\\])[\w/.?=&%-]*$/.test(asked) ? asked : '/';
    if (!isToken(fields.get('token')?.trim(), deps.token)) {
      return say('This needs the token', deps.tokenHint, back, 401);
    }
    const given = fieldNames.flatMap((name) => (fields.has(name) ? [[name, fields.get(name)] as const] : []));
    const parsed = parseRequest({ ...Object.fromEntries(given), by: 'page' });
    if ('why' in parsed) return say('That cannot be asked', parsed.why, back, 400);
    const resolved = await resolveSubmission(parsed.body, deps.reader);
    if (resolved.kind === 'refused') return say('That cannot be done', resolved.why, back, resolved.status);
    try {
      await deps.submitRequest(resolved.submission);
    } catch (error) {
      if (!isGroundcrewError(error)) throw error;
      return say('That could not be recorded', error.message, back, 400);
    }
    return c.redirect(back, 303);
  });
}
