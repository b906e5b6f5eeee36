/** `node --import`: a worker whose checkouts are empty directories, so that what is left is the worker's own. */
import { registerHooks } from 'node:module';

const source = `
import { mkdir } from 'node:fs/promises';
export async function prepareCheckout(tools, { targetDir, subject }) {
  await mkdir(targetDir, { recursive: true });
  return { kind: 'ready', testedSha: subject.sha, treeSha: subject.sha };
}`;

registerHooks({
  load: (url, context, next) =>
    url.endsWith('/src/worker/checkout.ts') ? { format: 'module', source, shortCircuit: true } : next(url, context),
});
