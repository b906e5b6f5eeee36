import { z } from 'zod';
import { contextsOf, defaultsOptions } from './check-options.ts';
import * as field from './fields.ts';
import { forgeName, forgeOptions, type ForgeConfig } from './forge-options.ts';
import { projectOptions, type ProjectConfig } from './project-options.ts';
import { refuseLargePayload } from './refuse-large-payload.ts';
import { queueOptions } from './queue-options.ts';
import { storeOptions } from './store-options.ts';

const serverOptions = z
  .strictObject({
    host: field.line.prefault('127.0.0.1').describe('Address to listen on. Other than loopback: put TLS in front.'),
    port: z.int().min(0).max(65535).prefault(8250).describe('0 takes a free one; so does `up` when this one is taken.'),
    publicUrl: z
      .url({ protocol: /^https?$/, error: 'expected an http or https address' })
      .nullable()
      .prefault(null)
      .describe('Address of the pages in statuses; null: the one it listens on.'),
  })
  .prefault({});

const workerOptions = z
  .strictObject({
    name: z
      .string({ error: 'expected a name' })
      .regex(/^[A-Za-z0-9][\w.-]{0,62}$/, 'expected a name of letters, digits and . _ -')
      .nullable()
      .prefault(null)
      .describe('Its lasting name; null: the host name.'),
    slots: z
      .int()
      .min(1)
      .max(256)
      .nullable()
      .prefault(null)
      .describe('Jobs at once; null: one for each 2 CPUs and each 2 GiB of memory, whichever are fewer; at least one.'),
    pool: field.label.prefault('default').describe('Whose jobs it takes.'),
    labels: z
      .array(field.label, { error: 'expected a list of labels' })
      // A worker serves a queue for each subset of what it offers.
      .max(8, 'lists more than 8 labels')
      .prefault([])
      .describe('Capabilities besides those that it finds by itself (kvm, arch:…).'),
    executor: z
      .enum(['auto', 'podman', 'docker', 'process'], { error: 'expected auto, podman, docker or process' })
      .prefault('auto')
      .describe('auto: the first that passes its trial; process isolates nothing.'),
    reach: z
      .array(
        z
          .string({ error: 'expected HOST or HOST:PORT' })
          .regex(/^[a-z0-9](?:[a-z0-9.-]{0,50})(?::\d{1,5})?$/, 'expected HOST or HOST:PORT'),
        { error: 'expected a list of hosts' },
      )
      .max(8, 'lists more than 8 hosts')
      .prefault([])
      .describe(
        'Hosts to try at the start; one that takes a connection is offered as reach:HOST. Port 443 if not said.',
      ),
    grace: field.duration.prefault('30s').describe('Between SIGTERM and SIGKILL.'),
    onTerm: z
      .enum(['drain', 'keep'], { error: 'expected drain or keep' })
      .prefault('drain')
      .describe(
        'At SIGTERM, groundcrew worker finishes what runs and leaves (drain), or lets go of it for its next start to take up (keep).',
      ),
    drain: field.duration.prefault('30m').describe('How long draining may take; then jobs are handed back.'),
    cacheDir: field.path
      .nullable()
      .prefault(null)
      .describe('Mirrors of repositories; null: $XDG_CACHE_HOME/groundcrew, or stateDir/cache when stateDir is set.'),
    minFreeDisk: field.size.prefault('2GiB').describe('With less free disk it takes no job.'),
    maxUnsent: field.size
      .prefault('20GiB')
      .describe('With so much log waiting for a store that is away it takes no job.'),
  })
  .prefault({});

const dispatchOptions = z
  .strictObject({
    attempts: z.int().min(1).max(10).prefault(3).describe('Tries of a job when the machinery fails.'),
    signingKeys: z
      .array(field.secretReference, { error: 'expected a list of references' })
      .max(5, 'lists more than 5 keys')
      .prefault([])
      .describe(
        'Where keys stand that sign orders to workers: the first signs, each is good. Kept elsewhere too, they let a new server know the work of a lost one. None: signing.key in stateDir.',
      ),
  })
  .prefault({});

const logsOptions = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'], { error: 'expected debug, info, warn, error or silent' })
      .prefault('info')
      .describe("How much groundcrew's own log says."),
    flush: field.duration
      .nullable()
      .prefault(null)
      .describe(
        'How long bytes of a job may wait before they go to the store; null: 100ms to a directory, 30s elsewhere (1s while somebody watches). Over a broker a log that is over in a second is put once, unless somebody watches.',
      ),
  })
  .prefault({});

/** A job message lives 2 h in a queue, a worker's final for as long as the worker is cut off; a forgotten run would come back. */
const leastRetentionMs = 24 * 3_600_000;

const retentionOptions = z
  .strictObject({
    runs: field.duration
      .refine(
        (ms) => ms >= leastRetentionMs,
        'expected at least 1d: for so long messages about a run may be on their way',
      )
      .prefault('90d')
      .describe('How long an ended run, its log and its attachments are kept; 1d at least.'),
  })
  .prefault({});

/** The whole of `groundcrew.yaml`. Every value has a default; unknown keys are refused. */
export const configSchema = z
  .strictObject(
    {
      stateDir: field.path
        .nullable()
        .prefault(null)
        .describe(
          'Where everything is kept, on a local disk; null: $XDG_STATE_HOME/groundcrew (~/.local/state/groundcrew).',
        ),
      server: serverOptions.describe('Pages, API and hooks.'),
      forges: z
        .record(forgeName, forgeOptions, { error: 'expected a mapping of names to forges' })
        .prefault({})
        .describe('Where projects live that are not plain git repositories, by a name of your own such as github.'),
      projects: z
        .array(projectOptions, { error: 'expected a list of projects' })
        .prefault([])
        .describe('Repositories to watch; `up PATH` adds that one.'),
      defaults: defaultsOptions.describe('What every check starts from.'),
      queue: queueOptions.describe('Between server and workers.'),
      worker: workerOptions.describe('How this machine runs jobs.'),
      dispatch: dispatchOptions.describe('How jobs are handed out.'),
      logs: logsOptions.describe('Logs: our own, and how those of jobs travel.'),
      store: storeOptions.describe('Where logs and attachments stay.'),
      secrets: z
        .record(field.secretName, field.secretReference, { error: 'expected a mapping of names to references' })
        .prefault({})
        .describe('Secrets by name; each is {file: PATH} or {env: NAME}, never the secret itself.'),
      retention: retentionOptions.describe('How long things are kept.'),
    },
    { error: 'expected a mapping of settings' },
  )
  .superRefine((config, context) => {
    refuseTwins(config, context);
    for (const index of config.projects.keys()) {
      refuseWrongPlace(config, index, context);
      refuseDoubleSchedules(config, index, context);
      refuseUnknownSecrets(config, index, context);
      refuseLargePayload(config, index, context);
    }
  });

/** The configuration as read and filled with defaults; durations in ms, sizes in bytes, `none` as null. */
export type Config = z.output<typeof configSchema>;

/** The configuration's JSON Schema (2020-12), for editors and the reference. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, { io: 'input' });
}

interface Checked {
  readonly forges: Readonly<Record<string, ForgeConfig>>;
  readonly projects: readonly ProjectConfig[];
  readonly secrets: Readonly<Record<string, unknown>>;
}

/** Two projects of one name, or two checks of one context that the same branch could want, are indistinguishable later. */
function refuseTwins(config: Checked, context: z.RefinementCtx): void {
  const names = new Set<string>();
  for (const [index, project] of config.projects.entries()) {
    if (names.has(project.name)) {
      context.addIssue({
        code: 'custom',
        path: ['projects', index, 'name'],
        message: `is the name of two projects: '${project.name}'`,
      });
    }
    names.add(project.name);
    const contexts = new Set<string>();
    for (const [place, check] of project.checks.entries()) {
      for (const name of contextsOf(check)) {
        const twin = `${name}\n${check.branches.join('\n')}`;
        if (contexts.has(twin)) {
          context.addIssue({
            code: 'custom',
            path: ['projects', index, 'checks', place, check.context === undefined ? 'image' : 'context'],
            message: `is the context of two checks: '${name}'`,
          });
        }
        contexts.add(twin);
      }
    }
    // GitHub takes 1,000 statuses for a commit and context, but a change with so many contexts would use up its hour of
    // writing (500, https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api) alone.
    if (contexts.size > mostContexts) {
      context.addIssue({
        code: 'custom',
        path: ['projects', index, 'checks'],
        message: `makes more than ${String(mostContexts)} contexts`,
      });
    }
  }
}

const mostContexts = 500;

/** Exactly one of path, url and forge; and what only one of them understands is not said to another. */
function refuseWrongPlace(config: Checked, index: number, context: z.RefinementCtx): void {
  const project = config.projects[index];
  if (project === undefined) return;
  const refuse = (keys: readonly (string | number)[], message: string, params?: Record<string, unknown>): void => {
    context.addIssue({
      code: 'custom',
      path: ['projects', index, ...keys],
      message,
      ...(params === undefined ? {} : { params }),
    });
  };
  const { forge, path, url } = project;
  const places = [path, url, forge].filter((place) => place !== undefined).length;
  if (places !== 1) {
    const names =
      Object.keys(config.forges).length === 0 ? 'needs either path or url' : 'needs one of path, url and forge';
    refuse([], places === 0 ? names : 'has more than one of path, url and forge');
  } else if (forge === undefined) {
    if (project.issues) refuse(['issues'], 'needs a forge: a plain repository has no issues');
    const issue = project.schedules.findIndex((schedule) => schedule.issue);
    if (issue >= 0) refuse(['schedules', issue, 'issue'], 'needs a forge: a plain repository has no issues');
  } else if (!Object.hasOwn(config.forges, forge)) {
    refuse(['forge'], `is not a name under forges: '${forge}'`, { typed: forge, known: Object.keys(config.forges) });
  } else {
    if (!/^[\w.-]+\/[\w.-]+$/.test(project.name)) refuse(['name'], 'expected OWNER/REPO, as the forge names it');
    if (project.trustPulls) refuse(['trustPulls'], 'is for plain repositories; say trust');
    if (project.poll !== null) refuse(['poll'], 'is for plain repositories; webhooks and the scan tell of a forge');
  }
}

/** Two schedules of one name would be one to the ledger. */
function refuseDoubleSchedules(config: Checked, index: number, context: z.RefinementCtx): void {
  const names = new Set<string>();
  for (const [place, { name }] of (config.projects[index]?.schedules ?? []).entries()) {
    if (names.has(name)) {
      context.addIssue({
        code: 'custom',
        path: ['projects', index, 'schedules', place, 'name'],
        message: `is the name of two schedules: '${name}'`,
      });
    }
    names.add(name);
  }
}

function refuseUnknownSecrets(config: Checked, index: number, context: z.RefinementCtx): void {
  for (const [place, check] of (config.projects[index]?.checks ?? []).entries()) {
    for (const [position, name] of check.secrets.entries()) {
      if (Object.hasOwn(config.secrets, name)) continue;
      context.addIssue({
        code: 'custom',
        path: ['projects', index, 'checks', place, 'secrets', position],
        message: `is not a name under secrets: '${name}'`,
        params: { typed: name, known: Object.keys(config.secrets) },
      });
    }
  }
}
