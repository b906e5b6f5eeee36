import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { deliveryId, webhookHeaders } from '../../../../test/support/webhook-examples.ts';
import { aWebhookReader } from '../../../../test/support/webhook-reader.ts';
import { readEvents } from './webhook-events.ts';

const demo = { repository: { full_name: 'octo/demo' }, sender: { login: 'ada' } };
const sha = 'a'.repeat(40);

suite('anything at all', () => {
  const reader = aWebhookReader();
  const passes = (event: string, body: Buffer): void => {
    const reading = reader.read({ headers: webhookHeaders(body, { event }), body });
    assert.ok(['ping', 'ignored', 'unreadable', 'events'].includes(reading.kind));
    const logged = reader.readLogged({
      id: deliveryId(1),
      event,
      body: body.toString(),
      deliveredAt: 0,
      isTaken: false,
    });
    assert.ok(['ping', 'ignored', 'unreadable', 'events'].includes(logged.kind));
    for (const one of [reading, logged]) {
      if (one.kind === 'unreadable') assert.match(one.why, /^[^\n\r\u0000-\u001f]{1,300}$/);
      if (one.kind !== 'events') continue;
      for (const told of one.events) assert.ok(told.changeKey.startsWith('github|') && told.changeKey.length < 1300);
    }
  };
  const event = fc.constantFrom(...readEvents, 'ping', 'check_run');

  test('any bytes', () => {
    fc.assert(fc.property(event, fc.uint8Array({ maxLength: 400 }), (name, bytes) => passes(name, Buffer.from(bytes))));
  });

  test('any headers', () => {
    const value = fc.oneof(fc.string(), fc.constant(undefined), fc.array(fc.string()));
    const names = ['content-type', 'x-github-event', 'x-github-delivery', 'x-hub-signature-256'];
    fc.assert(
      fc.property(fc.record(Object.fromEntries(names.map((name) => [name, value]))), (headers) => {
        const reading = reader.read({ headers, body: Buffer.from('{}') });
        assert.equal(reading.kind, 'refused');
      }),
    );
  });

  test('any JSON, also where a field of ours is expected', () => {
    const keys = [
      'repository',
      'full_name',
      'sender',
      'login',
      'action',
      'number',
      'pull_request',
      'head',
      'sha',
      'ref',
    ];
    const more = [
      'after',
      'ref_type',
      'issue',
      'comment',
      'body',
      'changes',
      'from',
      '__proto__',
      'constructor',
      'installation',
    ];
    const key = fc.constantFrom(...keys, ...more, 'account', 'repositories', 'toString', 'hasOwnProperty');
    const leaf = fc.oneof(
      fc.constantFrom(
        'octo/demo',
        'opened',
        'edited',
        'branch',
        'refs/heads/main',
        'refs/heads/\ud800',
        sha,
        '',
        1e308,
        -0,
        7,
      ),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(event, tree, fc.boolean(), (name, value, isOurs) => {
        const payload: unknown = isOurs && typeof value === 'object' ? Object.assign({}, value, demo) : value;
        passes(name, Buffer.from(JSON.stringify(payload)));
      }),
      { numRuns: 1000 },
    );
    assert.equal(Object.getOwnPropertyNames(Object.prototype).includes('full_name'), false);
  });

  test('deep nests, huge numbers and keys of the prototype', () => {
    const texts = [
      '['.repeat(200_000),
      '['.repeat(200_000) + ']'.repeat(200_000),
      '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000),
      `{"number":1e999,"repository":{"full_name":"octo/demo"},"action":"opened"}`,
      `{"number":${'9'.repeat(100_000)},"repository":{"full_name":"octo/demo"},"action":"opened"}`,
      '{"__proto__":{"repository":{"full_name":"octo/demo"},"action":"opened","number":1}}',
      '{"constructor":{"prototype":{"action":"opened"}},"repository":{"full_name":"octo/demo","__proto__":{"x":1}}}',
      `{"repository":{"full_name":"${'a/'.repeat(100_000)}"}}`,
      `{"action":"${'x'.repeat(1_000_000)}"}`,
      '"just text"',
      'null',
    ];
    for (const text of texts) for (const name of readEvents) passes(name, Buffer.from(text));
  });
});
