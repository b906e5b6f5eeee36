import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { GroundcrewError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { StoreGrant, TypedForm } from '../../core/grant.ts';
import { createHttpSender, defaultHttpPace, type HttpPace, type HttpRequest } from '../http/http-sender.ts';
import { keyPath } from '../http/key-path.ts';
import { readAnswer } from '../http/read-answer.ts';
import { checkKey } from '../object-key.ts';
import type { ObjectSource, ObjectStore, PutOptions, StoreGrantSource } from '../object-store.ts';
import { openSource, type OpenSource } from '../open-source.ts';

/** So many grants in a row that the store refuses, and it is no matter of age. */
const mostRefused = 2;

/** What a worker without credentials writes with. */
export interface GrantedStoreOptions {
  readonly grants: StoreGrantSource;
  /** The attempt's, without a slash at its end; nothing else can be written. */
  readonly prefix: string;
  /** Certificates (PEM) that the store is trusted by, besides those that Node knows. */
  readonly ca?: string;
  /** Ends the wait for a grant, and what is under way. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly pace?: Partial<HttpPace>;
}

/** An object store that can be written only; `close` ends what is under way. */
export interface GrantedStore extends ObjectStore {
  close(): void;
}

/**
 * The store as one attempt may use it: it puts below its own prefix with what the server granted, and asks for another grant
 * when that one is refused. Such a writer neither reads, lists nor deletes, so a deletion is left to the server (which removes what
 * was transient once the log is sealed), and nothing is ever there: a log that is taken up again is copied from its beginning.
 * Put-if-absent is refused.
 * @throws GroundcrewError `storage/no-grant`, from `put`, when the signal aborts before there is one; `storage/forbidden`
 */
export function openGrantedStore(options: GrantedStoreOptions): GrantedStore {
  const { grants, prefix, signal } = options;
  const sender = createHttpSender({ ...options, pace: { ...defaultHttpPace, ...options.pace } });
  signal.addEventListener(
    'abort',
    () => {
      sender.close();
    },
    { once: true },
  );

  const put = async (key: string, source: ObjectSource, kind: PutOptions): Promise<void> => {
    checkKey(key);
    if (!key.startsWith(`${prefix}/`)) throw new GroundcrewError('storage/forbidden', `${key} is not below ${prefix}`);
    const name = key.slice(prefix.length + 1);
    const opened = await openSource(source);
    try {
      for (let refused = 1; ; refused++) {
        const grant = await grants.wait(signal);
        if (grant === null) throw noGrant(key);
        const { status, text } = await readAnswer(await sender.send(requestFor(grant, { name, opened, kind })));
        if (status >= 200 && status < 300) return;
        const said = `put ${JSON.stringify(key)}: ${String(status)} ${text}`;
        // Lent keys that ran out answer 400.
        const isOver = status === 401 || status === 403 || /<Code>(ExpiredToken|InvalidToken)</.test(text);
        if (!isOver) throw errorOf(status, said);
        grants.refuse(grant);
        if (refused >= mostRefused) throw new GroundcrewError('storage/forbidden', said, { retry: 'later' });
      }
    } finally {
      await opened.close();
    }
  };

  return {
    put,
    putIfAbsent: () => Promise.reject(new GroundcrewError('storage/refused', 'a grant cannot put only if absent')),
    get: () => Promise.resolve(null),
    async *list() {
      yield* [];
    },
    delete: () => Promise.resolve(),
    address: () => Promise.resolve(null),
    close: () => {
      sender.close();
    },
  };
}

function requestFor(
  grant: StoreGrant,
  object: { readonly name: string; readonly opened: OpenSource; readonly kind: PutOptions },
): HttpRequest {
  const { name, opened, kind } = object;
  const disposition = kind.isDownload === true ? 'attachment' : 'inline';
  switch (grant.kind) {
    case 's3-form': {
      if (opened.sizeBytes > grant.maxObjectBytes) {
        throw new GroundcrewError('storage/refused', `${name} has more than ${String(grant.maxObjectBytes)} bytes`);
      }
      const form = formFor(grant.forms, { contentType: kind.contentType, disposition });
      const fields = {
        ...grant.fields,
        ...(form === null ? {} : { policy: form.policy, 'x-amz-signature': form.signature }),
        key: (grant.fields['key'] ?? '') + name,
        'Content-Type': kind.contentType,
        'Content-Disposition': form?.disposition ?? disposition,
      };
      const boundary = `groundcrew-${randomBytes(16).toString('hex')}`;
      const head = Object.entries(fields).map(
        ([field, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`,
      );
      // The file is the last field: S3 overlooks what comes after it.
      head.push(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n`);
      head.push(`Content-Type: application/octet-stream\r\n\r\n`);
      return {
        method: 'POST',
        url: grant.url,
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        body: { head: Buffer.from(head.join('')), source: opened, tail: Buffer.from(`\r\n--${boundary}--\r\n`) },
      };
    }
    case 'http':
      return {
        method: 'PUT',
        url: grant.url + keyPath(name),
        headers: {
          'content-type': kind.contentType,
          ...(grant.token === null ? {} : { authorization: `Bearer ${grant.token}` }),
        },
        body: { source: opened },
      };
    default:
      return grant satisfies never;
  }
}

/** The first that permits the object; what none does in place goes as a download. Null: there is one form for everything. */
function formFor(
  forms: readonly TypedForm[] | undefined,
  object: { readonly contentType: string; readonly disposition: TypedForm['disposition'] },
): TypedForm | null {
  if (forms === undefined) return null;
  const isFor = (form: TypedForm): boolean => form.contentType === null || form.contentType === object.contentType;
  const fitting = forms.filter(isFor);
  return fitting.find(({ disposition }) => disposition === object.disposition) ?? fitting.at(-1) ?? null;
}

function errorOf(status: number, said: string): GroundcrewError {
  const isPassing = status === 429 || status >= 500;
  return new GroundcrewError(isPassing ? 'storage/unavailable' : 'storage/refused', said, {
    retry: isPassing ? 'later' : 'never',
  });
}

function noGrant(key: string): GroundcrewError {
  return new GroundcrewError('storage/no-grant', `put ${JSON.stringify(key)}: the server has not granted it`, {
    retry: 'later',
  });
}
