import type { House } from '../test/support/crew.ts';
import { until } from '../test/support/until.ts';

/** A line that said by itself when it was printed (`date +%s%N`), and when its event came (both epoch ms). */
export interface CameLine {
  readonly printedAt: number;
  readonly cameAt: number;
}

/** Reads the event stream of a run's page to its end. `beganAt`: when it was there to read; lines before it were nobody's to see come. */
export async function readLogEvents(
  house: House,
  jobId: string,
): Promise<{ readonly beganAt: number; readonly lines: readonly CameLine[] }> {
  const response = await until(
    async () => {
      const answer = await fetch(`${house.url}/api/runs/${jobId}/log/events`);
      if (answer.ok) return answer;
      await answer.body?.cancel();
      return null;
    },
    { what: 'the attempt to begin' },
  );
  const beganAt = Date.now();
  const lines: CameLine[] = [];
  let [text, said] = ['', ''];
  for await (const bytes of response.body ?? []) {
    const cameAt = Date.now();
    text += Buffer.from(bytes).toString('utf8');
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      if (/^event: ?end/m.test(event)) return { beganAt, lines };
      const payload = /^event:/m.test(event) ? undefined : /^data: ?(.*)$/m.exec(event)?.[1];
      if (payload !== undefined) said += Buffer.from(payload, 'base64').toString('latin1');
    }
    const whole = said.slice(0, said.lastIndexOf('\n') + 1);
    said = said.slice(whole.length);
    for (const [line] of whole.matchAll(/^\d{19}$/gm)) lines.push({ printedAt: Number(line) / 1e6, cameAt });
  }
  return { beganAt, lines };
}
