import { z } from 'zod';
import { parseContext } from '../core/check-context.ts';
import * as field from './fields.ts';

/** `limits`: what a job may use, where it is not said. */
export const limitsOptions = z
  .strictObject({
    memory: field.sizeOrNone.prefault('none').describe('Memory; beyond it the job is out of memory.'),
    pids: field.countOrNone.prefault(16384).describe('Processes and threads at once.'),
    shm: field.sizeOrNone.prefault('1GiB').describe('/dev/shm in a container.'),
    cpus: field.cpusOrNone.prefault('none').describe('CPU time: 1.5 is one and a half CPUs.'),
    disk: field.sizeOrNone.prefault('20GiB').describe('Checkout, attachments and temporary files together.'),
    log: field.sizeOrNone.prefault('2GiB').describe('Output; a job that prints more has failed.'),
  })
  .prefault({});

/** `limits` of one check: what is not said comes from `defaults.limits`. */
const checkLimits = z.strictObject({
  memory: field.sizeOrNone.optional().describe('Memory.'),
  pids: field.countOrNone.optional().describe('Processes and threads at once.'),
  shm: field.sizeOrNone.optional().describe('/dev/shm in a container.'),
  cpus: field.cpusOrNone.optional().describe('CPU time.'),
  disk: field.sizeOrNone.optional().describe('Checkout, attachments and temporary files together.'),
  log: field.sizeOrNone.optional().describe('Output.'),
});

const integration = z.enum(['merge', 'rebase', 'none'], { error: 'expected merge, rebase or none' });
const network = z.enum(['default', 'none'], { error: 'expected default or none' });
const truth = z.boolean({ error: 'expected true or false' });

/** One check of a project. */
export const checkOptions = z.strictObject(
  {
    context: z
      .string({ error: 'expected a context such as test or fedora-44/storage' })
      .max(200, 'is longer than 200 characters')
      .refine((text) => parseContext(text) !== null && !/[\u0000-\u0020\u007f]/.test(text), {
        message: 'expected a context: image[/scenario][@bots#N][@[forge:]owner/repo[/ref]]',
      })
      .describe('Its name: image[/scenario][@bots#N][@[forge:]owner/repo[/ref]].'),
    branches: field.branchPatterns
      .prefault(['**'])
      .describe('Only for these branches (a pull request counts as the branch that it is meant for).'),
    command: field.command
      .nullable()
      .prefault(null)
      .describe("What to run: a shell line or a list of words; null: the repository's own entry point."),
    container: field.line
      .nullable()
      .prefault(null)
      .describe("Container image; null: the repository's own container file, else defaults.container."),
    env: field.environment.prefault({}).describe('Environment variables, over those of defaults.env.'),
    secrets: z
      .array(field.secretName, { error: 'expected a list of names of secrets' })
      .prefault([])
      .describe('Names of secrets to hand to the job; trusted changes only.'),
    needs: z
      .array(field.label, { error: 'expected a list of capabilities' })
      .prefault([])
      .describe('What its worker must offer, such as kvm or arch:arm64.'),
    pool: field.label.optional().describe('Which workers may take it. Default: defaults.pool.'),
    priority: z.int().min(0).max(9).optional().describe('0 to 9; higher goes first. Default: defaults.priority.'),
    timeout: field.duration.optional().describe('After this the job is stopped. Default: defaults.timeout.'),
    network: network.optional().describe('none: no network at all. Default: defaults.network.'),
    limits: checkLimits.prefault({}).describe('What it may use, over defaults.limits.'),
    integration: integration
      .optional()
      .describe('How a pull request is joined with its base. Default: that of the project.'),
    manual: truth.prefault(false).describe('Only on request, never because something was pushed.'),
    exclusive: truth.prefault(false).describe('Two attempts must never overlap (image refresh, release).'),
  },
  { error: 'expected a check: a mapping with at least a context' },
);

/** `defaults`: what every check starts from. */
export const defaultsOptions = z
  .strictObject({
    container: field.line
      .nullable()
      .prefault(null)
      .describe('Image for repositories that name none; null: they run without a container (executor process).'),
    env: field.environment.prefault({}).describe('Environment variables of every job.'),
    pool: field.label.prefault('default').describe('Which workers may take a job.'),
    priority: z.int().min(0).max(9).prefault(5).describe('0 to 9; higher goes first.'),
    timeout: field.duration.prefault('2h').describe('After this a job is stopped: SIGTERM, then SIGKILL.'),
    network: network.prefault('default').describe('none: no network at all.'),
    limits: limitsOptions.describe('What a job may use.'),
  })
  .prefault({});

/** One project: a repository that is watched. */
export const projectOptions = z.strictObject(
  {
    name: z
      .string({ error: 'expected a name such as cockpit or owner/cockpit' })
      .regex(/^[A-Za-z0-9][\w.-]*(\/[\w.-]+)*$/, 'expected a name of letters, digits and . _ - /')
      .max(200, 'is longer than 200 characters')
      .describe('Its name in lists, addresses and commands.'),
    path: field.path.optional().describe('A repository on this machine, bare or not.'),
    url: field.line
      .refine((text) => !/^[a-z+]+:\/\/[^/@]*:[^/@]*@/i.test(text), {
        message: 'holds a password; use a credential helper or an ssh key instead',
      })
      .refine((text) => !text.startsWith('-') && !/^[a-z]+::/i.test(text), {
        message: 'expected an https, ssh, git or file address',
      })
      .optional()
      .describe('A repository elsewhere. Either path or url.'),
    branches: field.branchPatterns
      .prefault(['**'])
      .describe(
        'Branches to watch: ** is any text, * any without a slash, ! in front excludes, the last that fits decides.',
      ),
    mainBranch: field.line
      .nullable()
      .prefault(null)
      .describe("The branch that pull requests are meant for; null: the repository's HEAD."),
    trustPulls: truth.prefault(false).describe('Test refs/pull/* without waiting for an approval.'),
    integration: integration.prefault('merge').describe('How a pull request is joined with its base before the test.'),
    poll: field.duration
      .nullable()
      .prefault(null)
      .describe('How often to look, as the safety net under the hook; null: 10s for a path, 60s for an address.'),
    checks: z
      .array(checkOptions, { error: 'expected a list of checks' })
      .max(500, 'lists more than 500 checks')
      .prefault([])
      .describe('What to run; none: one check named test with the entry point of the repository.'),
  },
  { error: 'expected a project: a mapping with a name and a path or url' },
);
