/** A large repository: what a second run fetches, against the same fetch by hand. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutBench, packBytes, ready } from '../test/support/checkout-bench.ts';
import { makeRepo } from '../test/support/git-repo.ts';
import { benchPart, milliseconds, took } from './measure.ts';

await benchPart(async (context) => {
  const mebibytes = context.isSmoke ? 8 : 1024;
  const bench = await checkoutBench(context);
  const { repo } = bench;
  mkdirSync(join(repo.dir, 'large'));
  // Random, so that neither zlib nor deltas make the repository smaller than it says.
  for (let i = 0; i < mebibytes; i += 1) writeFileSync(join(repo.dir, `large/${String(i)}`), randomBytes(1 << 20));
  const first = repo.commit({ 'README.md': 'large\n' });
  repo.git('repack', '-adq', '--window=0');
  const byHand = makeRepo(join(bench.root, 'by-hand'));
  byHand.git('remote', 'add', 'origin', `file://${repo.dir}`);
  const cloneMs = await took(() => byHand.git('fetch', '-q', 'origin', 'main'));

  const firstMs = await took(async () => ready(await bench.checkout('first', { sha: first, maxBytes: null })));
  const before = packBytes(bench.cache());
  const second = repo.commit({ 'new-file': randomBytes(1 << 20).toString('latin1') });
  const fetchMs = await took(() => byHand.git('fetch', '-q', 'origin', 'main'));
  const secondMs = await took(async () => ready(await bench.checkout('second', { sha: second, maxBytes: null })));
  const fetched = (packBytes(bench.cache()) - before) / 2 ** 20;
  return [
    {
      what: `first checkout of a ${String(mebibytes)} MiB repository`,
      target: '',
      measured: milliseconds(firstMs),
      baseline: `${milliseconds(cloneMs)}: git fetch, without a checkout`,
      isReached: null,
    },
    {
      what: 'fetched by its second run, with 1 to 2 MiB new',
      target: 'only what is new',
      measured: `${fetched.toFixed(1)} MiB; ${milliseconds(secondMs)} with the checkout`,
      baseline: `${milliseconds(fetchMs)}: git fetch, without a checkout`,
      isReached: fetched <= 3,
    },
  ];
});
