import { html } from 'hono/html';
import type { WorkerSeen } from '../../ledger/ledger-reader.ts';
import { moment, stranger, type Html } from './format.ts';
import { icons } from './icons.ts';
import { actionForm } from './layout.ts';
import { statusLabel } from './status.ts';

/** All that the page of workers shows. */
export interface WorkersView {
  readonly now: number;
  readonly workers: readonly WorkerSeen[];
  /** Whether this server can tell workers anything. */
  readonly canAct: boolean;
  readonly messagesParked: number;
}

/** Workers repeat their sign of life every 30 s; twice missed is silence. */
const silentAfterMs = 75_000;

/** Who runs jobs, what each does, and why one takes none. */
export function workersPage(view: WorkersView): Html {
  const { workers, messagesParked } = view;
  const here = workers.filter((worker) => !worker.hasLeft);
  const left = workers.filter((worker) => worker.hasLeft);
  return html`<h1 class="gc-page-title pf-v6-c-title pf-m-2xl">Workers</h1>
    <div id="workers" data-refresh>
      ${
        messagesParked === 0
          ? ''
          : html`<p class="gc-row-note">
              ${messagesParked} messages of workers could not be read or applied: <code>groundcrew queue --parked</code>
            </p>`
      }
      ${section('Here', here, view)} ${left.length === 0 ? '' : section('Left', left, view)}
    </div>`;
}

function section(title: string, workers: readonly WorkerSeen[], view: WorkersView): Html {
  const id = `section-${title.toLowerCase()}`;
  return html`<section class="pf-v6-c-card gc-card" aria-labelledby="${id}">
    <div class="gc-card-head">
      <h2 class="pf-v6-c-title pf-m-lg" id="${id}">${title}</h2>
      <span class="gc-count">${workers.length}</span>
    </div>
    ${
      workers.length === 0
        ? html`<p class="gc-none">No worker is here. Start one with: groundcrew worker</p>`
        : html`<ul class="gc-rows">
            ${workers.map((worker) => row(worker, view))}
          </ul>`
    }
  </section>`;
}

function row(worker: WorkerSeen, { now, canAct }: WorkersView): Html {
  const { standing, runs, slots, running } = worker;
  const facts = [
    worker.pool,
    ...worker.capabilities,
    ...(worker.cpus === undefined ? [] : [`${String(worker.cpus)} CPUs`]),
    ...(worker.memoryBytes === undefined ? [] : [`${(worker.memoryBytes / 2 ** 30).toFixed(1)} GiB`]),
    `version ${worker.version}`,
  ];
  const note = [
    ...(standing.takesJobs || worker.hasLeft ? [] : [standing.why ?? 'takes no jobs']),
    ...(worker.wish === 'work'
      ? []
      : [`${worker.wish === 'pause' ? 'pause' : 'drain'} wanted by ${worker.wishBy ?? '?'}`]),
  ];
  return html`<li class="gc-row">
    <div class="gc-row-status">${stateLabel(worker, now)}</div>
    <div class="gc-row-main">
      <span class="gc-row-title">${stranger(worker.worker, 63)}</span>
      <p class="gc-row-note">${stranger(facts.join(' · '), 400)}</p>
      ${note.length === 0 ? '' : html`<p class="gc-row-note">${stranger(note.join('; '), 300)}</p>`}
      ${
        runs.length === 0
          ? ''
          : html`<ul class="gc-row-runs" aria-label="Runs of ${stranger(worker.worker, 63)}">
              ${runs.map(
                (run) =>
                  html`<li>
                    <a href="/runs/${run.jobId}">${stranger(run.repo, 80)} ${stranger(run.context, 80)}</a>
                    ${run.phase ?? 'claimed'}${run.since === null ? '' : html`, since ${moment(run.since, now)}`}
                  </li>`,
              )}
            </ul>`
      }
    </div>
    <div class="gc-row-side">
      <span class="gc-row-when">${running} of ${slots} busy, heard ${moment(worker.lastHeardAt, now)}</span>
      ${canAct && !worker.hasLeft ? buttons(worker) : ''}
    </div>
  </li>`;
}

function stateLabel(worker: WorkerSeen, now: number): Html {
  if (worker.hasLeft) return statusLabel({ text: 'Left', icon: 'canceled', tone: 'neutral' });
  if (now - worker.lastHeardAt > silentAfterMs) return statusLabel({ text: 'Silent', icon: 'broken', tone: 'warning' });
  if (worker.standing.isPaused) return statusLabel({ text: 'Paused', icon: 'held', tone: 'held' });
  if (!worker.standing.takesJobs) return statusLabel({ text: 'Takes none', icon: 'broken', tone: 'warning' });
  return worker.running > 0
    ? statusLabel({ text: 'Running', icon: 'running', tone: 'active' })
    : statusLabel({ text: 'Idle', icon: 'passed', tone: 'success' });
}

function buttons({ worker, wish }: WorkerSeen): Html {
  const button = (label: string, icon: Html, to: string): Html =>
    actionForm({
      label,
      about: worker,
      icon,
      look: 'secondary',
      fields: { worker, wish: to },
      to: { page: '/actions/workers', api: '/api/workers' },
      back: '/workers',
    });
  return html`${wish === 'work' ? button('Pause', icons.held, 'pause') : button('Resume', icons.running, 'work')}
  ${wish === 'drain' ? '' : button('Drain', icons.canceled, 'drain')}`;
}
