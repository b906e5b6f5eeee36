import { z } from 'zod';

/** Names of workers, which are user names of a broker, too. */
export const workerNamePattern = /^[A-Za-z0-9][\w.-]{0,62}$/;

/** `WorkerOffer.installation`. */
export const installationPattern = /^[0-9a-f]{16}$/;

const speaker = z.object({
  worker: z.string().regex(workerNamePattern),
  v: z.number(),
  kind: z.string().max(100).nullable().catch(null),
  offer: z
    .object({
      hostname: z.string().max(1_000).nullable().catch(null),
      installation: z.string().regex(installationPattern).nullable().catch(null),
    })
    .catch({ hostname: null, installation: null }),
});

/** `host` and `installation`: the machine, where this is a `hello` that tells it. */
export interface MessageSpeaker {
  readonly worker: string;
  readonly v: number;
  readonly kind: string | null;
  readonly host: string | null;
  readonly installation: string | null;
}

/** Of a message that cannot be read otherwise: who speaks which version, and what kind of message it calls this; null: not even that. */
export function messageSpeaker(body: string): MessageSpeaker | null {
  try {
    const parsed = speaker.safeParse(JSON.parse(body));
    if (!parsed.success) return null;
    const { offer, ...said } = parsed.data;
    return { ...said, host: offer.hostname, installation: offer.installation };
  } catch {
    return null;
  }
}
