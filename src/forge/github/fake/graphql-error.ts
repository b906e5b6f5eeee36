import type { Json } from './json.ts';

/** What an answer of GraphQL complains of, in GitHub's shape. Thrown by a resolver, it makes its field null. */
export class GraphqlError extends Error {
  readonly type: string | null;
  readonly more: Json;

  constructor(message: string, type: string | null = null, more: Json = {}) {
    super(message);
    this.name = 'GraphqlError';
    this.type = type;
    this.more = more;
  }

  /** As it stands in `errors`. */
  shown(path: readonly (string | number)[] | null = null): Json {
    return {
      ...(this.type === null ? {} : { type: this.type }),
      ...(path === null ? {} : { path }),
      ...this.more,
      message: this.message,
    };
  }
}
