/**
 * From the moment GitHub sends an event to the claim of its job by a worker: webhook, ledger, look, decision, queue. The house is
 * real processes; GitHub is our fake one with 50 ms of latency for each request. Both clocks are this machine's.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { openGitHubCrew } from '../test/support/github-crew.ts';
import { benchPart, median, milliseconds, percentile } from './measure.ts';

const latencyMs = 50;

await benchPart(async (context) => {
  const story = await openGitHubCrew(context);
  const { hub } = story;
  const house = await story.up();
  const pull = await story.openPull();
  await house.ended(pull.sha);
  hub.faults.latencyMs = latencyMs;
  const handed: number[] = [];
  for (let round = 0; round < (context.isSmoke ? 2 : 30); round += 1) {
    const sha = await story.push(pull, { 'file.txt': `${String(round)}\n` });
    // Nobody asks the server anything until it is over.
    await pause(1_000);
    const { detail } = await house.ended(sha);
    const sent = [...hub.world.hooks.values()].flatMap(({ deliveries }) =>
      deliveries.filter(({ event, payload }) => event === 'pull_request' && payload.includes(sha)),
    );
    const sentAt = Math.min(...sent.map(({ deliveredAt }) => deliveredAt));
    const claimedAt = detail.attempts[0]?.claimedAt ?? null;
    if (!Number.isFinite(sentAt) || claimedAt === null) throw new Error(`nothing told of ${sha}`);
    handed.push(claimedAt - sentAt);
  }
  const p95 = percentile(handed, 0.95);
  return [
    {
      what: 'event sent → job claimed by a worker, GitHub at 50 ms, p95',
      target: '≤ 400 ms',
      measured: `${milliseconds(p95)} (median ${milliseconds(median(handed))})`,
      baseline: '',
      isReached: p95 <= 400,
    },
  ];
});
