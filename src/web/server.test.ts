import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';

interface Asked {
  readonly status: number | undefined;
  readonly body: string;
}

function ask(port: number, path: string, host: string, method = 'POST'): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const asking = request({ port, host: '127.0.0.1', path, method, headers: { Host: host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => {
        resolve({ status: response.statusCode, body });
      });
    });
    asking.on('error', reject);
    asking.end();
  });
}

test('an address with a handler of its own answers under any host name, and only that address', async (t) => {
  const heard: string[] = [];
  const handlers = new Map([
    [
      '/webhook/github',
      (incoming: { readonly url?: string | undefined }, outgoing: { end(text: string): unknown }) => {
        heard.push(incoming.url ?? '');
        outgoing.end('taken');
      },
    ],
  ]);
  const server = await startWebServer(createWebApp(createFakeWorld().deps), { host: '127.0.0.1', port: 0 }, handlers);
  t.after(() => server.close());
  // GitHub calls a name that we need not know; a browser that was led here by a foreign one gets nothing else.
  assert.deepEqual(await ask(server.port, '/webhook/github', 'ci.example.org'), { status: 200, body: 'taken' });
  assert.equal((await ask(server.port, '/webhook/github?x=1', 'ci.example.org')).status, 200);
  assert.equal((await ask(server.port, '/', 'ci.example.org', 'GET')).status, 421);
  for (const path of ['/webhook/other', '/webhook/github/', '/webhook', '//webhook/github', '/Webhook/github'])
    assert.equal((await ask(server.port, path, '127.0.0.1')).status, 404, path);
  assert.deepEqual(heard, ['/webhook/github', '/webhook/github?x=1']);
});
