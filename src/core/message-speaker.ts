import { z } from 'zod';

/** Names of workers, which are user names of a broker, too. */
export const workerNamePattern = /^[A-Za-z0-9][\w.-]{0,62}$/;

const speaker = z.object({
  worker: z.string().regex(workerNamePattern),
  v: z.number(),
  kind: z.string().max(100).nullable().catch(null),
});

/** Of a message that cannot be read otherwise: who speaks which version, and what kind of message it calls this; null: not even that. */
export function messageSpeaker(
  body: string,
): { readonly worker: string; readonly v: number; readonly kind: string | null } | null {
  try {
    const parsed = speaker.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
