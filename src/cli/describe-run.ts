import { formatDuration } from '../config/duration.ts';
import type { CliContext } from './cli-context.ts';
import { plainText } from './output/plain-text.ts';
import type { RunOrder, RunSource } from './wiring.ts';

/** Says what `run` or `reproduce` would do. Only what the command line and the configuration decide; no repository is read. */
export async function describeRun(order: RunOrder, context: CliContext): Promise<void> {
  const say = (key: string, value: string): Promise<void> => context.out.line(`${key.padEnd(11)}${plainText(value)}`);
  for (const [key, value] of sourceLines(order.source)) await say(key, value);
  await say('executor', order.executor);
  if (order.context !== null) await say('context', order.context);
  if (order.container !== null) await say('container', order.container);
  if (order.command !== null) await say('command', order.command.join(' '));
  if (order.timeoutMs !== null) await say('timeout', formatDuration(order.timeoutMs));
  if (order.network !== null) await say('network', order.network);
  for (const [name, value] of Object.entries(order.env)) await say('env', `${name}=${value}`);
  if (order.attachmentsDir !== null) await say('attachments', order.attachmentsDir);
}

function sourceLines(source: RunSource): readonly (readonly [string, string])[] {
  switch (source.kind) {
    case 'checkout':
      return [
        ['repository', source.dir],
        ['commit', source.rev ?? 'HEAD'],
      ];
    case 'order': {
      const { subject, context, timeoutMs, container, command } = source.order;
      return [
        ['repository', subject.repo],
        ['commit', subject.sha ?? subject.branch ?? (subject.pull === null ? 'HEAD' : `pull ${String(subject.pull)}`)],
        ['context', context],
        ['timeout', formatDuration(timeoutMs)],
        ...(container === null ? [] : [['container', container] as const]),
        ...(command === null ? [] : [['command', command.join(' ')] as const]),
      ];
    }
    case 'repeat': {
      const { job, baseSha, imageDigest } = source;
      return [
        ['run', job.id],
        ['repository', job.subject.repo],
        ['commit', job.subject.sha],
        ['base', baseSha ?? 'none'],
        ['context', job.context],
        ['image', imageDigest ?? job.container ?? 'none'],
        ['command', job.command?.join(' ') ?? 'the entry point of the repository'],
        ['timeout', formatDuration(job.timeoutMs)],
      ];
    }
    default:
      return source satisfies never;
  }
}
