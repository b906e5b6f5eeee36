import type { Json } from './json.ts';

/** An answer that is no success, with GitHub's words. Thrown by whoever refuses, sent by the server. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: Json | string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: Json | string, headers: Readonly<Record<string, string>> = {}) {
    super(`${status}`);
    this.name = 'Refusal';
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

const docs = 'https://docs.github.com/rest';

/** A refusal in the shape `basic-error`. */
export function refuse(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Refusal {
  return new Refusal(status, { message, documentation_url: docs, status: String(status) }, headers);
}

/** What is not there, or not to be seen: GitHub does not tell which. */
export function notFound(): Refusal {
  return refuse(404, 'Not Found');
}

/** 422 in the shape `validation-error`. https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed */
export function invalid(
  resource: string,
  field: string,
  { code = 'custom', message }: { readonly code?: string; readonly message?: string } = {},
): Refusal {
  const error = { resource, code, field, ...(message === undefined ? {} : { message }) };
  return new Refusal(422, { message: 'Validation Failed', errors: [error], documentation_url: docs, status: '422' });
}
