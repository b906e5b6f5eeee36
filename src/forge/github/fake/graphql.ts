import type { RunGraphql } from './api-server.ts';
import type { Limits } from './limits.ts';
import { refuse } from './refusal.ts';

export function runGraphql(_limits: Limits): RunGraphql {
  return () => Promise.reject(refuse(501, 'not yet'));
}
