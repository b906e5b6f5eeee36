import { z } from 'zod';
import { checkOptions } from './check-options.ts';
import * as field from './fields.ts';
import { trustOptions } from './forge-options.ts';
import { scheduleOptions } from './schedule-options.ts';

const noTestOptions = z
  .strictObject({
    label: field.line.nullable().prefault('no-test').describe('A label; null: none.'),
    title: field.line.nullable().prefault('[no-test]').describe('A piece of the title; null: none.'),
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
      .describe('A repository elsewhere. One of path, url and forge.'),
    forge: z
      .string({ error: 'expected the name of a forge' })
      .optional()
      .describe('The forge that it lives on, a name under forges; its own name is then OWNER/REPO.'),
    branches: field.branchPatterns
      .nullable()
      .prefault(null)
      .describe(
        'Branches to watch: ** is any text, * any without a slash, ! in front excludes, the last that fits decides. ' +
          'null: all; of a forge main and master.',
      ),
    mainBranch: field.line
      .nullable()
      .prefault(null)
      .describe("The branch that pull requests are meant for; null: the repository's HEAD."),
    trust: trustOptions.describe('With forge: whose pull requests are tested without waiting for an approval.'),
    trustPulls: field.truth
      .prefault(false)
      .describe('Without forge: test refs/pull/* without waiting for an approval.'),
    integration: field.integration
      .prefault('merge')
      .describe('How a pull request is joined with its base before the test.'),
    poll: field.duration
      .nullable()
      .prefault(null)
      .describe(
        'Without forge: how often to look, as the safety net under the hook; null: 10s for a path, 60s for an address.',
      ),
    drafts: field.truth.prefault(true).describe('Test pull requests that are drafts, too.'),
    noTest: noTestOptions.describe('What a pull request says that must not be tested.'),
    botsRepo: field.line
      .regex(/^[\w.-]+\/[\w.-]+$/, 'expected OWNER/REPO')
      .prefault('cockpit-project/bots')
      .describe('The repository whose pull requests @bots#N means.'),
    issues: field.truth.prefault(false).describe('Keep an issue open for each context that fails on a watched branch.'),
    schedules: z
      .array(scheduleOptions, { error: 'expected a list of schedules' })
      .max(100, 'lists more than 100 schedules')
      .prefault([])
      .describe('Runs by the clock, such as nightlies.'),
    checks: z
      .array(checkOptions, { error: 'expected a list of checks' })
      .max(500, 'lists more than 500 checks')
      .prefault([])
      .describe('What to run; none: one check named test with the entry point of the repository.'),
  },
  { error: 'expected a project: a mapping with a name and a path or url' },
);

export type ProjectConfig = z.output<typeof projectOptions>;
