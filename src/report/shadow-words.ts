import type { ShadowContext, ShadowReport } from './shadow-report.ts';
import { durationWords, oneLine, shortSha } from './words.ts';

/** The shadow report for a terminal, a line each. Names are strangers' words. */
export function shadowLines({ compared, agreeing, contexts }: ShadowReport): readonly string[] {
  if (contexts.length === 0)
    return ['No other CI was seen on our commits yet: its statuses are remembered at each look at a change.'];
  const share = compared === 0 ? '' : ` (${((100 * agreeing) / compared).toFixed(1)} %)`;
  return [
    compared === 0
      ? 'No commit has a verdict of both yet.'
      : `${String(agreeing)} of ${String(compared)} verdicts are the same${share}.`,
    ...contexts.flatMap(contextLines),
  ];
}

function contextLines(given: ShadowContext): readonly string[] {
  const { counts, times } = given;
  const parts = [
    [counts['both-green'] + counts['both-red'], 'same'],
    [counts['we-red-they-green'], 'we red, they green'],
    [counts['we-green-they-red'], 'we green, they red'],
    [counts['our-error'], 'our machinery failed'],
    [counts['their-error'], 'their machinery failed'],
    [counts.unfinished, 'unfinished'],
    [counts['only-ours'], 'only ours'],
    [counts['only-theirs'], 'only theirs'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${String(count)} ${what}`);
  const time = (took: number | null): string => (took === null ? 'unknown' : durationWords(took));
  return [
    '',
    oneLine(`${given.repo}  ${given.context}`, 200),
    `  ${told.join(', ')}`,
    ...(times.ours === null && times.theirs === null
      ? []
      : [`  median time to the verdict: ours ${time(times.ours)}, theirs ${time(times.theirs)}`]),
    ...given.differing.map(
      ({ sha, ours, theirs }) => `  differs at ${shortSha(sha)}: ours ${ours ?? 'none'}, theirs ${theirs ?? 'none'}`,
    ),
  ];
}
