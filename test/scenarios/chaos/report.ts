import type { CampaignOrder, CampaignResult, Recovery } from './campaign.ts';
import type { Hit } from './faults.ts';
import { faultKinds, faultWords } from './plan.ts';

/** The result in Markdown, as a part of `docs/reliability.md`. `command`: what makes it again. */
export function chaosReport(order: CampaignOrder, result: CampaignResult, command: string): string {
  const { hits, counts, rest, wrong } = result;
  const duplicates = counts['duplicates'] as
    | {
        readonly extra: number;
        readonly completed: number;
        readonly most: number;
        readonly why: Readonly<Record<string, number>>;
      }
    | undefined;
  const outcomes = (counts['outcomes'] ?? {}) as Readonly<Record<string, number>>;
  const lost = wrong.filter((line) => /^(event-lost|delivery-lost|job-open|log-missing|status-missing)/.test(line));
  const kinds = faultKinds.filter((kind) => order.kinds.includes(kind));
  const rows = kinds.map((kind) => {
    const mine = hits.filter((hit) => hit.kind === kind);
    const recovery = result.recovery.filter((one) => one.kind === kind);
    return [
      `${kind}: ${faultWords[kind]}`,
      String(mine.length),
      times(recovery, 'nextEndMs'),
      times(recovery, 'allHeardMs'),
    ];
  });
  const minutes = (order.lengthMs / 60_000).toFixed(order.lengthMs % 60_000 === 0 ? 0 : 1);
  return `### ${minutes} minutes of chaos, ${String(hits.length)} faults

\`${command}\`: ${new Date().toISOString().slice(0, 10)}, RabbitMQ, an S3 server, a fake GitHub, a server and ${String(order.workers)} workers of
${String(order.slots)} slot${order.slots === 1 ? '' : 's'} on one machine.

${table(['fault', 'hit', 'next verdict after: median, most', 'all workers heard after: median, most'], rows)}

Times are from the end of the fault. Other faults come meanwhile, and a worker without a job says something each 30 s only.

${table(
  ['what', 'count'],
  [
    ['from the first fault to the last', seconds(lengthOf(hits))],
    ['pushes and pull requests', String(Object.values(result.asked).reduce((sum, one) => sum + one, 0))],
    ['webhook deliveries taken / that never came', `${text(counts['delivered'])} / ${text(counts['undelivered'])}`],
    ['jobs', `${text(counts['jobs'])} (${list(outcomes)})`],
    ['runs of jobs', text(counts['runs'])],
    ['lost', String(lost.length)],
    ['wrong', String(wrong.length - lost.length)],
    ['runs that had to be made again', String(duplicates?.extra ?? 0)],
    ['why', list(duplicates?.why ?? {})],
    ['runs that ended, and another one counted', String(duplicates?.completed ?? 0)],
    ['most runs of one job', String(duplicates?.most ?? 0)],
    ['statuses at GitHub', text(counts['statuses'])],
    ['logs in the store, bytes', text(counts['logBytes'])],
    ['logs with pieces left beside them', text(counts['untidy'])],
    ['longest time without a verdict', result.longestGapMs === null ? 'unknown' : seconds(result.longestGapMs)],
    ['all at rest after the last fault', seconds(rest.tookMs)],
  ],
)}
`;
}

function times(recovery: readonly Recovery[], which: 'nextEndMs' | 'allHeardMs'): string {
  const known = recovery.flatMap((one) => one[which] ?? []).sort((one, other) => one - other);
  const [middle, most] = [known[(known.length - 1) >> 1], known.at(-1)];
  return middle === undefined || most === undefined ? 'none' : `${seconds(middle)}, ${seconds(most)}`;
}

function lengthOf(hits: readonly Hit[]): number {
  return hits.length === 0
    ? 0
    : Math.max(...hits.map((hit) => hit.endedAt)) - Math.min(...hits.map((hit) => hit.beganAt));
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const text = (value: unknown): string => (typeof value === 'number' ? String(value) : 'unknown');

function list(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([name, count]) => `${name} ${String(count)}`);
  return words.length === 0 ? 'none' : words.join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
