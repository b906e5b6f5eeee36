import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import { deliveryId, webhookHeaders } from '../../../../test/support/webhook-examples.ts';
import { aWebhookReader, webhookSecrets } from '../../../../test/support/webhook-reader.ts';

const demo = { repository: { full_name: 'octo/demo' }, sender: { login: 'ada' } };
const sha = 'a'.repeat(40);

suite('who signed it', () => {
  const body = Buffer.from(JSON.stringify({ ...demo, ref: 'refs/heads/main', after: sha }));
  const statusOf = (
    headers: Record<string, string | undefined>,
    given = body,
    all: readonly string[] = webhookSecrets,
  ): number | string => {
    const reading = aWebhookReader({ secrets: () => all }).read({ headers, body: given });
    return reading.kind === 'refused' ? reading.status : reading.kind;
  };

  test('either of two secrets is good while one replaces the other, and no third', () => {
    for (const secret of webhookSecrets) assert.equal(statusOf(webhookHeaders(body, { secret })), 'events');
    assert.equal(statusOf(webhookHeaders(body, { secret: 'third' })), 401);
    assert.equal(statusOf(webhookHeaders(body, { secret: 'second secret' }), body, ['first secret']), 401);
  });

  test('without a secret everything is refused, and an empty one signs nothing', () => {
    assert.equal(statusOf(webhookHeaders(body), body, []), 401);
    assert.equal(statusOf(webhookHeaders(body, { secret: '' }), body, ['']), 401);
  });

  test('one changed, missing or added byte is noticed', () => {
    const headers = webhookHeaders(body);
    const flipped = Buffer.from(body);
    flipped[7] = (flipped[7] ?? 0) ^ 1;
    for (const bytes of [flipped, body.subarray(1), body.subarray(0, -1), Buffer.concat([body, Buffer.from(' ')])])
      assert.equal(statusOf(headers, bytes), 401);
  });

  test('the algorithm is never taken from the request, nor a signature that only looks like one', () => {
    const good = webhookHeaders(body);
    const sha1 = `sha1=${createHmac('sha1', 'first secret').update(body).digest('hex')}`;
    const right = String(good['x-hub-signature-256']);
    const values = [undefined, '', sha1, right.slice(7), right.toUpperCase(), `${right}0`, right.slice(0, -2)];
    for (const value of [...values, `${right}, ${right}`, `${right}\n`, `sha256=${'é'.repeat(64)}`])
      assert.equal(statusOf({ ...good, 'x-hub-signature-256': value }), 401, String(value));
    assert.equal(statusOf({ ...good, 'x-hub-signature-256': undefined, 'x-hub-signature': sha1 }), 401);
  });

  test('a request that GitHub would not send is refused by its headers alone', () => {
    const good = webhookHeaders(body);
    const cases: readonly (readonly [string, string | undefined, number])[] = [
      ['x-github-delivery', undefined, 400],
      ['x-github-delivery', '1', 400],
      ['x-github-delivery', `${deliveryId(1)}#2`, 400],
      ['x-github-delivery', 'x'.repeat(10_000), 400],
      ['x-github-event', undefined, 400],
      ['x-github-event', 'push\n', 400],
      ['x-github-event', 'x'.repeat(65), 400],
      ['content-type', undefined, 415],
      ['content-type', 'text/plain', 415],
      ['content-type', 'multipart/form-data', 415],
      ['x-hub-signature-256', 'sha256=0', 401],
    ];
    for (const [name, value, status] of cases) {
      const headers = { ...good, [name]: value };
      assert.equal(aWebhookReader().refusal(headers)?.status, status, `${name}: ${String(value)}`);
      assert.equal(statusOf(headers), status);
    }
    assert.equal(aWebhookReader().refusal(good), null);
    assert.equal(aWebhookReader().refusal({ ...good, 'content-type': 'application/json; charset=utf-8' }), null);
  });

  test('secrets and repositories are asked for at each request', () => {
    let current = ['old'];
    const reader = aWebhookReader({ secrets: () => current });
    const request = { headers: webhookHeaders(body, { secret: 'new' }), body };
    assert.equal(reader.read(request).kind, 'refused');
    current = ['old', 'new'];
    assert.equal(reader.read(request).kind, 'events');
  });
});
