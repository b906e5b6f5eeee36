/** From the moment a running job prints to the event that a browser gets of it. */
import { openCrew, type House } from '../test/support/crew.ts';
import { until } from '../test/support/until.ts';
import { benchPart, median, milliseconds, percentile } from './measure.ts';

await benchPart(async (context) => {
  const lines = context.isSmoke ? 10 : 200;
  const crew = await openCrew(context);
  const repo = crew.repo();
  // Unevenly spaced, so that the lines do not fall into step with anything that looks now and then.
  const script = `#!/bin/sh
i=0
while [ $i -lt ${String(lines)} ]; do
  date +%s%N
  sleep 0.0$((i % 9 + 1))
  i=$((i + 1))
done
`;
  const sha = repo.commit({ '.groundcrew/run': { script } });
  const house = await crew.up(repo.dir);
  const { jobId } = await house.runOf(sha);
  const delays = await delaysOf(house, jobId);
  if (delays.length < lines / 2) throw new Error(`only ${String(delays.length)} lines came live`);
  const p95 = percentile(delays, 0.95);
  return [
    {
      what: 'printed → event in the browser, p95',
      target: '≤ 300 ms',
      measured: `${milliseconds(p95)} (median ${milliseconds(median(delays))})`,
      baseline: '',
      isReached: p95 <= 300,
    },
  ];
});

/** What each line took to come (ms), from the time that it says itself. */
async function delaysOf(house: House, jobId: string): Promise<readonly number[]> {
  const path = `${house.url}/api/runs/${jobId}/log/events`;
  const response = await until(
    async () => {
      const answer = await fetch(path);
      if (answer.ok) return answer;
      await answer.body?.cancel();
      return null;
    },
    { what: 'the attempt to begin' },
  );
  const delays: number[] = [];
  let text = '';
  let said = '';
  for await (const bytes of response.body ?? []) {
    const now = Date.now();
    text += Buffer.from(bytes).toString('utf8');
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      if (/^event: ?end/m.test(event)) return delays;
      if (/^event:/m.test(event)) continue;
      const payload = /^data: ?(.*)$/m.exec(event)?.[1];
      if (payload !== undefined) said += Buffer.from(payload, 'base64').toString('latin1');
    }
    const whole = said.slice(0, said.lastIndexOf('\n') + 1);
    said = said.slice(whole.length);
    for (const [line] of whole.matchAll(/^\d{19}$/gm)) delays.push(now - Number(line) / 1e6);
  }
  return delays;
}
