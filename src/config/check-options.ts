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

const network = z.enum(['default', 'none'], { error: 'expected default or none' });
const contextExample = 'expected a context: image[/scenario][@bots#N][@[forge:]owner/repo[/ref]]';

/** One word of a product. */
const part = (what: string, example: string): z.ZodString =>
  z
    .string({ error: `expected ${what} such as ${example}` })
    .max(100, 'is longer than 100 characters')
    .regex(/^[^\u0000-\u0020\u007f@,]+$/, `expected ${what} such as ${example}, without spaces and @`);

/** Which files of a change make a check worth its time. */
const pathOptions = z
  .strictObject(
    {
      only: z
        .array(field.line, { error: 'expected a list of path patterns' })
        .prefault([])
        .describe(
          'Run only when one of these changed; none: any file. ** is any text, * any without a slash, x/ all below x.',
        ),
      not: z
        .array(field.line, { error: 'expected a list of path patterns' })
        .prefault([])
        .describe('Do not run when nothing but these changed.'),
    },
    { error: 'expected a mapping of only and not to lists of path patterns' },
  )
  .refine((paths) => paths.only.length + paths.not.length > 0, 'needs only or not');
/** One check of a project, or the product of several. */
export const checkOptions = z
  .strictObject(
    {
      context: z
        .string({ error: 'expected a context such as test or fedora-44/storage' })
        .max(200, 'is longer than 200 characters')
        .refine((text) => parseContext(text) !== null && !/[\u0000-\u0020\u007f]/.test(text), {
          message: contextExample,
        })
        .optional()
        .describe('Its name: image[/scenario][@bots#N][@[forge:]owner/repo[/ref]]. Either context or image.'),
      image: z
        .array(
          part('an image', 'fedora-44').refine((text) => !text.includes('/'), 'expected an image without /'),
          { error: 'expected a list of images' },
        )
        .min(1)
        .optional()
        .describe('Instead of context: a check for each of these images.'),
      scenario: z
        .array(part('a scenario', 'storage'), { error: 'expected a list of scenarios' })
        .min(1)
        .optional()
        .describe('With image: a check image/scenario for each pair.'),
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
        .max(100, 'lists more than 100 secrets')
        .prefault([])
        .describe('Names of secrets to hand to the job; trusted changes only.'),
      needs: z
        .array(field.label, { error: 'expected a list of capabilities' })
        .max(20, 'lists more than 20 capabilities')
        .prefault([])
        .describe('What its worker must offer, such as kvm or arch:arm64.'),
      pool: field.label.optional().describe('Which workers may take it. Default: defaults.pool.'),
      priority: z.int().min(0).max(9).optional().describe('0 to 9; higher goes first. Default: defaults.priority.'),
      timeout: field.duration.optional().describe('After this the job is stopped. Default: defaults.timeout.'),
      network: network.optional().describe('none: no network at all. Default: defaults.network.'),
      limits: checkLimits.prefault({}).describe('What it may use, over defaults.limits.'),
      integration: field.integration
        .optional()
        .describe('How a pull request is joined with its base. Default: that of the project.'),
      manual: field.truth.prefault(false).describe('Only on request, never because something was pushed.'),
      paths: pathOptions
        .nullable()
        .prefault(null)
        .describe('Only for pull requests that change such files; null: for all. Others get a success that says so.'),
      exclusive: field.truth.prefault(false).describe('Two attempts must never overlap (image refresh, release).'),
    },
    { error: 'expected a check: a mapping with at least a context' },
  )
  .superRefine((check, context) => {
    const refuse = (key: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [key], message });
    };
    if (check.context !== undefined && check.image !== undefined) {
      refuse('image', 'is given beside context; give one of the two');
    }
    if (check.scenario !== undefined && check.image === undefined) refuse('scenario', 'needs image');
    if (check.context === undefined && check.image === undefined && check.scenario === undefined) {
      context.addIssue({ code: 'custom', path: [], message: 'needs a context, or image with or without scenario' });
    }
  });

export type CheckConfig = z.output<typeof checkOptions>;

/** The contexts that a check stands for: its own, or the product of images and scenarios, images first. */
export function contextsOf(check: Pick<CheckConfig, 'context' | 'image' | 'scenario'>): readonly string[] {
  if (check.context !== undefined) return [check.context];
  return (check.image ?? []).flatMap((image) => check.scenario?.map((scenario) => `${image}/${scenario}`) ?? [image]);
}

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
