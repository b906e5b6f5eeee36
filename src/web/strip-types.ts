import { stripTypeScriptTypes } from 'node:module';

/**
 * JavaScript from our own browser modules: types become spaces, so lines and columns stay. The one place that uses Node's
 * function, which is a release candidate and says so with a warning; that warning is kept from the operator.
 */
export function stripTypes(source: string): string {
  const emit = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(source, { mode: 'strip' });
  } finally {
    process.emitWarning = emit;
  }
}
