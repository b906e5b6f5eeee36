import { z } from 'zod';

/** Names of workers, which are user names of a broker, too. */
export const workerNamePattern = /^[A-Za-z0-9][\w.-]{0,62}$/;

const speaker = z.object({ worker: z.string().regex(workerNamePattern), v: z.number() });

/** Who speaks which version, in a message that cannot be read otherwise; null: not even that can be read. */
export function messageSpeaker(body: string): { readonly worker: string; readonly v: number } | null {
  try {
    const parsed = speaker.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
