import type { Settings } from '../config/settings.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import type { CommandContext } from './wiring.ts';

/** Whether the broker of the configuration can be used; nothing is changed there. */
export async function brokerFindings(context: CommandContext, settings: Settings): Promise<readonly Finding[]> {
  if (settings.queue.kind === 'embedded') return [];
  const wiring = await context.wiring();
  const found = await wiring.checkBroker(settings, context, context.interruption());
  return found.map(({ ok: isOk, isLesser = false, what, remedy }) => {
    if (isOk) return ok('broker', what);
    return (isLesser ? warn : fail)('broker', what, remedy ?? 'see docs/guides/many-machines.md');
  });
}
