import { z } from 'zod';
import { durationExample, parseDuration } from './duration.ts';
import { parseSize, sizeExample } from './size.ts';

// The building blocks of the configuration's schemas. Messages that begin with "expected" get ", found …" appended.

/** A duration in text; ms inside. */
export const duration = z
  .string({ error: `expected ${durationExample}` })
  .meta({ title: 'duration' })
  .transform((text, context) => parsed(parseDuration(text), `expected ${durationExample}`, context));

/** A size in text or plain bytes; bytes inside. */
export const size = z
  .union([z.string(), z.int().min(0)], { error: `expected ${sizeExample}` })
  .meta({ title: 'size' })
  .transform((given, context) => parsed(parseSize(String(given)), `expected ${sizeExample}`, context));

/** A size, or `none`: null inside. */
export const sizeOrNone = z
  .union([z.string(), z.int().min(0)], { error: `expected ${sizeExample}, or none` })
  .meta({ title: 'size, or none' })
  .transform((given, context) =>
    given === 'none' ? null : parsed(parseSize(String(given)), `expected ${sizeExample}, or none`, context),
  );

/** A whole number from 1, or `none`: null inside. */
export const countOrNone = z
  .union([z.int().min(1), z.literal('none')], { error: 'expected a whole number from 1, or none' })
  .transform((given) => (given === 'none' ? null : given));

/** A positive number, or `none`: null inside. */
export const cpusOrNone = z
  .union([z.number().positive(), z.literal('none')], { error: 'expected a number of CPUs such as 2 or 1.5, or none' })
  .transform((given) => (given === 'none' ? null : given));

/** Text of one line, not empty. */
export const line = z
  .string({ error: 'expected text' })
  .min(1, 'expected text')
  .max(4096, 'is longer than 4096 characters')
  .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), 'must be one line without control characters');

/** A path; `~/` is the home directory, a relative one starts at the configuration file. */
export const path = line;

/** Names of pools, labels and capabilities. */
export const label = z
  .string({ error: 'expected a name such as default, kvm or arch:arm64' })
  .regex(/^[a-z0-9][a-z0-9:._-]{0,62}$/, 'expected a name of lower-case letters, digits and : . _ -');

/** Names of secrets: file names too. */
export const secretName = z
  .string({ error: 'expected the name of a secret' })
  .regex(/^[A-Za-z0-9][\w.-]{0,62}$/, 'expected a name of letters, digits and . _ -');

// A worker refuses an order with more (`core/message-schema.ts`); said here, nobody has to wonder about it there.
const longestText = 10_000;
const tooLong = `is longer than ${String(longestText)} characters: put it into a file of the repository`;

/** Environment variables. */
export const environment = z.record(
  z.string().regex(/^[A-Za-z_]\w*$/, 'expected a variable name of letters, digits and _'),
  z
    .string({ error: 'expected text (put the value in quotes)' })
    .max(longestText, tooLong)
    .refine((text) => !text.includes('\u0000'), 'must not hold NUL'),
  { error: 'expected a mapping of variables to text' },
);

/** A command: text for `sh -c`, or the words themselves. Words inside. */
export const command = z
  .union(
    [z.string().min(1).max(longestText, tooLong), z.array(z.string().max(longestText, tooLong)).min(1).max(1000)],
    {
      error: 'expected a command line, or a list of words',
    },
  )
  .transform((given) => (typeof given === 'string' ? ['sh', '-c', given] : given));

/** Where a secret stands. The literal is refused without showing it. */
export const secretReference = z.union(
  [
    z.strictObject({ file: path }).meta({ description: 'The file that holds it; its last line break is cut.' }),
    z
      .strictObject({ env: z.string().regex(/^[A-Za-z_]\w*$/) })
      .meta({ description: 'The environment variable of the server or worker that holds it.' }),
  ],
  { error: 'must be a reference, {file: PATH} or {env: NAME}; a secret itself is never written here' },
);

/** The reference to a secret: never its value. */
export type SecretReference = z.output<typeof secretReference>;

/** True or false. */
export const truth = z.boolean({ error: 'expected true or false' });

/** How a pull request is joined with its base. */
export const integration = z.enum(['merge', 'rebase', 'none'], { error: 'expected merge, rebase or none' });

/** Branch patterns, see `decide/branch-pattern.ts`. */
export const branchPatterns = z.array(line, { error: 'expected a list of branch patterns' });

function parsed<Value>(value: Value | null, message: string, context: z.RefinementCtx): Value {
  if (value !== null) return value;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
