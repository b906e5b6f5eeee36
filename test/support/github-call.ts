/** An answer of the fake GitHub, read to its end. */
export interface GitHubAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, else the text; null when there was none. */
  readonly body: unknown;
}

/** Asks the API with a token: `await ask('POST /repos/o/r/issues', { title: 'T' })`. */
export type Ask = (
  request: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<GitHubAnswer>;

/** Makes requests with this token, or anonymously. `url` is the base of the API. */
export function asker(url: string, token: string | null): Ask {
  return async (request, body, headers = {}) => {
    const [method = '', path = ''] = request.split(' ');
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').startsWith('application/json');
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? null : isJson ? (JSON.parse(text) as unknown) : text,
    };
  };
}
