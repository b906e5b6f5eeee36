import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

const require = createRequire(import.meta.url);

/** What can be read of YAML that is broken somewhere; null when nothing can. Never throws. */
export function parseDocumentLoosely(text: string): unknown {
  try {
    const { parseDocument } = require('yaml') as typeof Yaml;
    const document = parseDocument(text, { prettyErrors: false, stringKeys: true, version: '1.2', logLevel: 'silent' });
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    return null;
  }
}
