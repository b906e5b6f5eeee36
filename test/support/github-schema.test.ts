import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { githubInspector } from './github-schema.ts';
import { openGitHubStage } from './github-stage.ts';
import { needs } from './needs.ts';

interface Example {
  readonly name: string;
  readonly examples: readonly Readonly<Record<string, unknown>>[];
}

const require = createRequire(import.meta.url);
const path = require.resolve('@octokit/webhooks-examples/api.github.com/index.json');
const examples = JSON.parse(readFileSync(path, 'utf8')) as readonly Example[];
const sent = [
  'push',
  'status',
  'create',
  'delete',
  'pull_request',
  'issue_comment',
  'installation',
  'installation_repositories',
];

// What GitHub added after these were recorded.
const later =
  /must have required property '(?:app_slug|requester|performed_via_github_app|auto_merge|has_discussions|verified_at)'$/;

test('payloads that GitHub really sent are as described, but for what was added since', () => {
  const { inspectPayload } = githubInspector();
  let right = 0;
  for (const { name, examples: payloads } of examples.filter((one) => sent.includes(one.name))) {
    for (const payload of payloads) {
      const action = typeof payload['action'] === 'string' ? payload['action'] : null;
      const [wrong] = inspectPayload(name, action, payload);
      if (wrong === undefined) right += 1;
      else assert.match(wrong, wrong.includes('is not in the description') ? /^the webhook/ : later);
    }
  }
  assert.ok(right >= 30, `only ${right} were right`);
});

test('the fake sends every field that GitHub really sent', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context);
  const { people } = github;
  const hook = people.createHook('ada/tool', { url: `${github.url}/nowhere`, pings: false });
  const sha = await people.commit('ada/tool', { branch: 'b', files: { a: '1' } });
  await people.openPull('ada/tool', { branch: 'b' });
  people.comment('ada/tool', 1, { body: 'x', by: 'eve' });
  people.setStatus('ada/tool', sha, { state: 'success', by: 'ada' });
  await people.push('ada/tool', { branch: 'c', sha });
  await people.deleteBranch('ada/tool', 'c');
  await github.delivered();
  const missing = new Set<string>();
  for (const { event, action, payload } of hook.deliveries) {
    const ours = keysOf(JSON.parse(payload) as object);
    const real = examples
      .find(({ name }) => name === event)
      ?.examples.filter((one) => (one['action'] ?? null) === action);
    assert.ok(real !== undefined && real.length > 0, event);
    // What all of the recorded ones have.
    const [first, ...rest] = real.map(keysOf);
    for (const key of first ?? []) {
      if (rest.every((keys) => keys.has(key)) && !ours.has(key)) missing.add(`${event}: ${key}`);
    }
  }
  assert.deepEqual([...missing], []);
});

/** Keys of an object and of the objects in it. */
function keysOf(value: object): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const [key, inner] of Object.entries(value) as [string, unknown][]) {
    keys.add(key);
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) continue;
    for (const deep of Object.keys(inner)) keys.add(`${key}.${deep}`);
  }
  return keys;
}

test('what is not as described is found: in an answer, a request, a payload, and in what has no description', () => {
  const { inspectExchange, inspectPayload } = githubInspector();
  const status = { method: 'POST', template: '/repos/{owner}/{repo}/statuses/{sha}', status: 201 };
  const [answer] = inspectExchange({ ...status, requestBody: { state: 'success' }, responseBody: { id: 1 } });
  assert.match(answer ?? '', /answers 201: +must have required property/);
  const [request] = inspectExchange({ ...status, requestBody: { state: 'passed' }, responseBody: null });
  assert.match(request ?? '', /asked: \/state must be equal to one of the allowed values/);
  const [nowhere] = inspectExchange({ ...status, status: 299, requestBody: { state: 'success' }, responseBody: null });
  assert.match(nowhere ?? '', /which is not described/);
  assert.match(
    inspectExchange({ ...status, template: '/x', requestBody: {}, responseBody: null })[0] ?? '',
    /not in the/,
  );
  assert.match(inspectPayload('push', null, {})[0] ?? '', /must have required property/);
  assert.match(inspectPayload('gollum', null, {})[0] ?? '', /not in the description/);
});
