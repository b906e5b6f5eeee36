/** From the moment a running job prints to the event that a browser gets of it, and to the line that Chromium has painted. */
import { openCrew, type House } from '../test/support/crew.ts';
import { launchChromium } from '../test/support/chromium.ts';
import { has } from '../test/support/needs.ts';
import { until } from '../test/support/until.ts';
import { readLogEvents } from './log-events.ts';
import { benchPart, median, milliseconds, percentile, type Row } from './measure.ts';

/** Runs in the page: a task that follows a frame's callbacks comes after that frame was painted. */
const watchPainting = `
  globalThis.delays = [];
  const log = document.getElementById('log');
  const seen = new Set();
  const fresh = () => {
    const found = [...log.querySelectorAll('.gc-t')].map((place) => place.textContent.trim());
    const lines = found.filter((line) => /^\\d{19}$/.test(line) && !seen.has(line));
    for (const line of lines) seen.add(line);
    return lines;
  };
  // What was there before nobody has seen come.
  fresh();
  new MutationObserver(() => {
    const lines = fresh();
    if (lines.length === 0) return;
    requestAnimationFrame(() => setTimeout(() => {
      const now = Date.now();
      for (const line of lines) globalThis.delays.push(now - Number(line) / 1e6);
    }));
  }).observe(log, { childList: true, subtree: true, characterData: true });
  0`;

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
  const house = await crew.up(repo.dir);
  // One after the other: neither is slowed by the other's reader.
  const run = async (name: string): Promise<string> => {
    const sha = repo.commit({ '.groundcrew/run': { script: `${script}# ${name}\n` } });
    return (await house.runOf(sha)).jobId;
  };
  const event = rowOf('printed → event in the browser, p95', await delaysOf(house, await run('event')), lines);
  const painted = 'printed → painted in Chromium, p95';
  if (!has('chromium'))
    return [event, { what: painted, target: '≤ 300 ms', measured: 'no Chromium here', baseline: '', isReached: null }];
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(house.url);
    const jobId = await run('painted');
    await until(async () => (await house.run(jobId)).summary.state === 'running', { what: 'the job to run' });
    await page.goto(`${house.url}/runs/${jobId}`);
    await page.evaluate(watchPainting);
    const isOver = async (): Promise<boolean> => (await house.run(jobId)).summary.state === 'ended';
    await until(isOver, { within: 120_000, what: 'the job to end' });
    const counted = async (): Promise<number> => await page.evaluate<number>('delays.length');
    await until(async () => (await counted()) >= lines / 2, { within: 5_000, what: 'the lines to be painted' });
    return [event, rowOf(painted, await page.evaluate<number[]>('delays'), lines)];
  } finally {
    await browser.close();
  }
});

function rowOf(what: string, delays: readonly number[], lines: number): Row {
  if (delays.length < lines / 2) throw new Error(`only ${String(delays.length)} lines came live`);
  const p95 = percentile(delays, 0.95);
  return {
    what,
    target: '≤ 300 ms',
    measured: `${milliseconds(p95)} (median ${milliseconds(median(delays))})`,
    baseline: '',
    isReached: p95 <= 300,
  };
}

/** What each line took to come (ms), from the time that it says itself. */
async function delaysOf(house: House, jobId: string): Promise<readonly number[]> {
  const { lines } = await readLogEvents(house, jobId);
  return lines.map(({ printedAt, cameAt }) => cameAt - printedAt);
}
