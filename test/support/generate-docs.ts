// `npm run docs`: writes what is generated from the code.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cliReference, configReference } from './reference-docs.ts';

const dir = new URL('../../docs/reference/', import.meta.url);
mkdirSync(dir, { recursive: true });
writeFileSync(new URL('config.md', dir), configReference());
writeFileSync(new URL('cli.md', dir), await cliReference());
