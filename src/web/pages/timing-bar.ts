import { html } from 'hono/html';
import type { AttemptDetail, RunSummary } from '../../ledger/ledger-reader.ts';
import { duration, type Html } from './format.ts';

interface Stretch {
  readonly name: string;
  readonly kind: 'queued' | 'preparing' | 'running' | 'retried';
  readonly ms: number;
}

/** Where the time of a run went, from the push to its end (or now). */
export function timingBar(run: RunSummary, shown: AttemptDetail | null, now: number): Html {
  const stretches = stretchesOf(run, shown, now).filter(({ ms }) => ms > 0);
  const total = stretches.reduce((sum, { ms }) => sum + ms, 0);
  if (total === 0) return html``;
  let at = 0;
  const width = 1000;
  const bars = stretches.map((stretch) => {
    // Also what took no time to speak of is there to be seen.
    const part = { ...stretch, x: at, width: Math.max(3, (stretch.ms / total) * width) };
    at += part.width;
    return part;
  });
  return html`<figure class="gc-timing">
    <svg viewBox="0 0 ${Math.ceil(at)} 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      ${bars.map(
        (bar) =>
          html`<rect
            class="gc-bar-${bar.kind}"
            x="${bar.x.toFixed(1)}"
            y="0"
            width="${bar.width.toFixed(1)}"
            height="10"
          />`,
      )}
    </svg>
    <figcaption>
      <ul>
        ${stretches.map(
          ({ name, kind, ms }) =>
            html`<li><span class="gc-swatch gc-bar-${kind}" aria-hidden="true"></span>${name} ${duration(ms)}</li>`,
        )}
      </ul>
    </figcaption>
  </figure>`;
}

function stretchesOf(run: RunSummary, shown: AttemptDetail | null, now: number): readonly Stretch[] {
  const end = run.endedAt ?? now;
  if (shown === null) return [{ name: 'in the queue', kind: 'queued', ms: end - run.queuedAt }];
  const stretches: Stretch[] = [];
  const claimed = shown.claimedAt ?? shown.offeredAt;
  const isFirst = shown.n === 1;
  stretches.push({
    name: isFirst ? 'in the queue' : 'queue and earlier attempts',
    kind: isFirst ? 'queued' : 'retried',
    ms: claimed - run.queuedAt,
  });
  const attemptEnd = shown.endedAt ?? end;
  const started = shown.startedAt ?? attemptEnd;
  stretches.push({ name: 'checkout and start', kind: 'preparing', ms: started - claimed });
  stretches.push({ name: 'the command', kind: 'running', ms: attemptEnd - started });
  return stretches;
}
