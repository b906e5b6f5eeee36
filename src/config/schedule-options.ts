import { Cron } from 'croner';
import { z } from 'zod';
import * as field from './fields.ts';

/** Why a cron expression is none; null when it is one. Reads no clock: whether it ever fires is asked of a fixed day. */
function cronTrouble(text: string): string | null {
  try {
    const cron = new Cron(text, { paused: true, mode: '5-part', timezone: 'UTC' });
    // A 29 February is at most eight years away; a 30 February never comes.
    return cron.nextRun(new Date('2026-01-01T00:00:00Z')) === null ? 'never comes' : null;
  } catch {
    return 'expected five fields such as 0 2 * * * (minute, hour, day, month, weekday)';
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** A schedule of a project: its contexts on a branch at each slot, also when nothing was committed since. */
export const scheduleOptions = z.strictObject(
  {
    name: z
      .string({ error: 'expected a name such as nightly' })
      .regex(/^[A-Za-z0-9][\w.-]{0,62}$/, 'expected a name of letters, digits and . _ -')
      .describe('Its name, unique in the project; renaming it makes it a new one.'),
    cron: z
      .string({ error: 'expected five fields such as 0 2 * * * (minute, hour, day, month, weekday)' })
      .max(200, 'is longer than 200 characters')
      .superRefine((text, context) => {
        const trouble = cronTrouble(text);
        if (trouble !== null) context.addIssue({ code: 'custom', message: trouble });
      })
      .describe('When: minute, hour, day of month, month, weekday; or @hourly, @daily, @weekly, @monthly.'),
    timezone: z
      .string({ error: 'expected a time zone such as Europe/Berlin' })
      .refine(isTimeZone, 'expected a time zone such as Europe/Berlin')
      .prefault('UTC')
      .describe('The time zone of cron, from the IANA database.'),
    branch: field.line.describe('The branch whose head is tested.'),
    contexts: z
      .array(field.line, { error: 'expected a list of contexts' })
      .min(1)
      .prefault(['**'])
      .describe('Which contexts, manual ones included: names, or patterns (** any text, * any without a slash).'),
    issue: z
      .boolean({ error: 'expected true or false' })
      .prefault(false)
      .describe('Keep an issue open for each context that fails, until it passes again.'),
  },
  { error: 'expected a schedule: a mapping with name, cron and branch' },
);
