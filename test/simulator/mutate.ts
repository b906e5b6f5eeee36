import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.ts';

// Preloaded (--import) with GROUNDCREW_MUTANT=<index>: changes one source text as it is loaded.
const index = Number(process.env['GROUNDCREW_MUTANT']);
const mutant = mutants[index];
if (mutant === undefined) throw new Error('GROUNDCREW_MUTANT names no mutant');
const target = fileURLToPath(new URL(`../../${mutant.file}`, import.meta.url));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:') || fileURLToPath(url) !== target) return loaded;
    const text = Buffer.from((loaded.source ?? '') as Uint8Array).toString('utf8');
    const parts = text.split(mutant.find);
    if (parts.length !== 2)
      throw new Error(`mutant ${String(index)}: its text stands ${String(parts.length - 1)} times in ${mutant.file}`);
    return { ...loaded, source: parts.join(mutant.replace) };
  },
});
