import { GroundcrewError } from '../base/errors.ts';
import type { Wiring } from './wiring.ts';

const notWired = (): never => {
  throw new GroundcrewError('cli/not-wired', 'this command is not wired to the house yet');
};

/** Where adapters meet: nothing is wired yet. */
export const wiring: Wiring = {
  openReader: notWired,
  openLogs: notWired,
  words: { whyWaiting: notWired, standing: notWired },
  up: notWired,
  server: notWired,
  worker: notWired,
  run: notWired,
  trials: notWired,
  hasHook: notWired,
  installHook: notWired,
  removeHook: notWired,
};
