import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mutants } from './mutants.ts';

const root = new URL('../../', import.meta.url);

test('every rule from R1 to R14 is taken out by some mutant', () => {
  const rules = Array.from({ length: 14 }, (_, i) => `R${String(i + 1)}`);
  assert.deepEqual(
    rules.filter((rule) => !mutants.some((mutant) => mutant.rule === rule)),
    [],
  );
});

for (const { rule, name, file, find, replace } of mutants) {
  test(`the text of the ${rule} mutant stands once in ${file}: ${name}`, () => {
    const text = readFileSync(new URL(file, root), 'utf8');
    assert.equal(text.split(find).length - 1, 1);
    assert.notEqual(find, replace);
  });
}
