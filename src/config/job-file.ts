import { z } from 'zod';
import type { CheckSettings } from '../decide/plan-checks.ts';
import { contextEnv, subjectEnv } from '../decide/check-env.ts';
import { jobIdOf, type Job } from '../core/job.ts';
import { parseContext } from '../core/check-context.ts';
import type { Subject } from '../core/subject.ts';
import { ConfigError } from './config-error.ts';
import { explainIssues } from './explain-issue.ts';
import * as field from './fields.ts';
import { parseYaml, readTextFile } from './read-yaml.ts';

const sha = z
  .string({ error: 'expected a commit' })
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'expected a full commit id of 40 or 64 hex digits');
const ref = field.line.refine((text) => !text.startsWith('-'), 'must not begin with -');

const subjectKeys = {
  forge: field.line.nullish().describe('The forge; null: git.'),
  repo: field.line.describe('The repository: owner/name, a path or an address.'),
  sha: sha.nullish().describe('The commit; null: the head of the pull request or branch.'),
  pull: z.int().min(1).nullish().describe('A pull request.'),
  branch: ref.nullish().describe('A branch.'),
  target: ref.nullish().describe('The branch to merge or rebase onto; null: that of the pull request.'),
};

const subjectFile = z.object(subjectKeys, { error: 'expected a mapping with at least repo' });

// Unknown keys are ignored, and null is absence, as job-runner (cockpit-project/bots, lib/aio/jobcontext) reads it.
const jobFile = z.object(
  {
    ...subjectKeys,
    container: field.line.nullish(),
    command_subject: subjectFile.nullish(),
    secrets: z.array(field.secretName, { error: 'expected a list of names of secrets' }).nullish(),
    command: z
      .array(z.string({ error: 'expected text' }), { error: 'expected a list of words' })
      .min(1)
      .nullish(),
    env: field.environment.nullish(),
    timeout: z.number().positive().max(100_000).nullish().describe('Minutes.'),
    context: z.string({ error: 'expected a context' }).nullish(),
    slug: field.line.nullish(),
    title: field.line.nullish(),
    report: z.record(z.string(), z.unknown(), { error: 'expected a mapping' }).nullish(),
  },
  { error: 'expected a mapping with at least repo' },
);

/** A subject as a job file names it: still to be resolved to a commit by whoever has the repository. */
export interface SubjectOrder {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string | null;
  readonly pull: number | null;
  readonly branch: string | null;
  /** The branch to join with; null: that of the pull request, or the main branch. */
  readonly target: string | null;
}

/** A job file, checked. */
export interface JobOrder {
  readonly subject: SubjectOrder;
  readonly commandSubject: SubjectOrder | null;
  readonly container: string | null;
  readonly secrets: readonly string[];
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly context: string;
  readonly slug: string | null;
  readonly title: string | null;
}

/** What a job without a time-out gets: job-runner's 120 minutes. */
const defaultTimeoutMs = 120 * 60_000;

/**
 * Reads a job in the form that Cockpit's job-runner takes (JSON; `file` names it in messages).
 * @throws ConfigError `config/bad-job` or `config/unreadable` with the path of every wrong value.
 */
export function parseJobFile(text: string, file: string): JobOrder {
  const yaml = parseYaml(text, file);
  const result = jobFile.safeParse(yaml.value);
  if (!result.success) throw new ConfigError('config/bad-job', explainIssues(result.error.issues, yaml, {}));
  const given = result.data;
  const context = given.context ?? 'test';
  if (parseContext(context) === null) {
    const where = yaml.locate(['context']);
    const problem = { file, line: where?.line ?? null, column: where?.column ?? null, path: 'context' };
    throw new ConfigError('config/bad-job', [
      { ...problem, message: 'expected a context: image[/scenario][@bots#N][@[forge:]owner/repo[/ref]]' },
    ]);
  }
  return {
    subject: subjectOrder(given),
    commandSubject: given.command_subject ? subjectOrder(given.command_subject) : null,
    container: given.container ?? null,
    secrets: given.secrets ?? [],
    command: given.command ?? null,
    env: given.env ?? {},
    timeoutMs: given.timeout ? Math.round(given.timeout * 60_000) : defaultTimeoutMs,
    context,
    slug: given.slug ?? null,
    title: given.title ?? null,
  };
}

/** Reads a job file from disk. */
export function readJobFile(file: string): JobOrder {
  return parseJobFile(readTextFile(file), file);
}

/**
 * Makes the job once the subjects are resolved. The caller's own machine runs it at its owner's wish, so it is trusted.
 * `requestId` makes it a job of its own each time (R13).
 */
export function jobOfOrder(resolved: {
  readonly order: JobOrder;
  readonly subject: Subject;
  readonly commandSubject: Subject | null;
  readonly settings: CheckSettings;
  readonly requestId: string;
}): Job {
  const { order, subject, commandSubject, settings } = resolved;
  const occasion = `request:${resolved.requestId}`;
  const identity = { subject, context: order.context, occasion, commandSubject, isTrusted: true };
  return {
    ...identity,
    id: jobIdOf(identity),
    command: order.command ?? settings.command,
    container: order.container ?? settings.container,
    env: { ...contextEnv(order.context), ...settings.env, ...subjectEnv(subject), ...order.env },
    secrets: order.secrets,
    needs: settings.needs,
    pool: settings.pool,
    priority: settings.priority,
    timeoutMs: order.timeoutMs,
    exclusive: settings.isExclusive,
    integration: settings.integration,
    network: settings.network,
    limits: settings.limits,
  };
}

function subjectOrder(given: z.output<typeof subjectFile>): SubjectOrder {
  return {
    forge: given.forge ?? 'git',
    repo: given.repo,
    sha: given.sha ?? null,
    pull: given.pull ?? null,
    branch: given.branch ?? null,
    target: given.target ?? null,
  };
}
