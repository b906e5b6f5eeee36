import type { Command } from 'commander';
import type { Frame } from './verb.ts';

/** Adds one command, or a few that belong together, to the command line. */
export type AddVerb = (program: Command, frame: Frame) => void;

/** By the word that asks for it, in the order of the help. */
const verbs: Readonly<Record<string, () => Promise<AddVerb>>> = {
  up: async () => (await import('./commands/up.ts')).addUp,
  server: async () => (await import('./commands/server.ts')).addServer,
  worker: async () => (await import('./commands/worker.ts')).addWorker,
  run: async () => (await import('./commands/run.ts')).addRun,
  trigger: async () => (await import('./commands/trigger.ts')).addTrigger,
  status: async () => (await import('./commands/status.ts')).addStatus,
  runs: async () => (await import('./commands/runs.ts')).addRuns,
  logs: async () => (await import('./commands/logs.ts')).addLogs,
  queue: async () => (await import('./commands/queue.ts')).addQueue,
  workers: async () => (await import('./commands/workers.ts')).addWorkers,
  'cancel retry approve': async () => (await import('./commands/ask.ts')).addAsk,
  scan: async () => (await import('./commands/scan.ts')).addScan,
  approvals: async () => (await import('./commands/approvals.ts')).addApprovals,
  deliveries: async () => (await import('./commands/deliveries.ts')).addDeliveries,
  policy: async () => (await import('./commands/policy.ts')).addPolicy,
  shadow: async () => (await import('./commands/shadow.ts')).addShadow,
  reproduce: async () => (await import('./commands/reproduce.ts')).addReproduce,
  credentials: async () => (await import('./commands/credentials.ts')).addCredentials,
  broker: async () => (await import('./commands/broker.ts')).addBroker,
  hook: async () => (await import('./commands/hook.ts')).addHook,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
  config: async () => (await import('./commands/config.ts')).addConfig,
  'shell completion': async () => (await import('./commands/completion.ts')).addCompletion,
};

/**
 * The commands that a line beginning with `word` needs: its own, else all, for a help text, a completion script, or a
 * guess at what was meant. Their twenty files would take longer to load than some commands to run.
 */
export async function verbsFor(word: string | undefined): Promise<readonly AddVerb[]> {
  const own = word !== undefined && Object.hasOwn(verbs, word) ? verbs[word] : undefined;
  return own === undefined ? Promise.all(Object.values(verbs).map((load) => load())) : [await own()];
}
