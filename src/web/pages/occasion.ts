/** Who wanted a run, for people; `occasion` as in `core/job.ts`. What is not known is shown as it is. */
export function askedBy(occasion: string): string {
  if (occasion === 'change') return 'the change itself';
  const slot = /^schedule:([^@]*)@(.*)$/.exec(occasion);
  if (slot !== null) return `the schedule ${slot[1] ?? ''}, for ${slot[2] ?? ''}`;
  if (occasion.startsWith('request:comment/')) return 'a comment';
  if (occasion.startsWith('request:status/')) return 'a status (direct trigger)';
  return occasion.startsWith('request:') ? 'a person, here or on the command line' : occasion;
}
