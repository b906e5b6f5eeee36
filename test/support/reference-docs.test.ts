import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cliReference, configReference } from './reference-docs.ts';

for (const [name, make] of [
  ['config.md', configReference],
  ['cli.md', cliReference],
] as const) {
  test(`docs/reference/${name} says what the code says; npm run docs writes it anew`, async () => {
    const written = readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8');
    assert.equal(written, await make());
  });
}
