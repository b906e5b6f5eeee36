/** A value in a query: a constant, a variable, a list or an object of them. */
export type ValueNode =
  | { readonly kind: 'constant'; readonly value: string | number | boolean | null }
  | { readonly kind: 'enum'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly ValueNode[] }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, ValueNode>> };

/** Where something stands in the query, from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Directive {
  readonly name: string;
  readonly args: Readonly<Record<string, ValueNode>>;
}

export type Selection =
  | {
      readonly kind: 'field';
      /** Alias, or the name: the key in the answer. */
      readonly key: string;
      readonly name: string;
      readonly args: Readonly<Record<string, ValueNode>>;
      readonly directives: readonly Directive[];
      /** Null when there are no braces. */
      readonly selections: readonly Selection[] | null;
      readonly place: Place;
    }
  | { readonly kind: 'spread'; readonly name: string; readonly directives: readonly Directive[]; readonly place: Place }
  | {
      readonly kind: 'inline';
      readonly on: string | null;
      readonly directives: readonly Directive[];
      readonly selections: readonly Selection[];
      readonly place: Place;
    };

export interface Operation {
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly name: string | null;
  /** Name to type as written (`[Int!]!`), with the default. */
  readonly variables: Readonly<Record<string, { readonly type: string; readonly preset: ValueNode | null }>>;
  readonly selections: readonly Selection[];
}

export interface Fragment {
  readonly name: string;
  readonly on: string;
  readonly selections: readonly Selection[];
  readonly place: Place;
}

export interface QueryDocument {
  readonly operations: readonly Operation[];
  readonly fragments: ReadonlyMap<string, Fragment>;
}

interface Lexeme {
  readonly kind: 'name' | 'punctuation' | 'number' | 'string' | 'end';
  readonly text: string;
  readonly place: Place;
}

/** What is no GraphQL. The message is as GitHub says it. */
export class QuerySyntaxError extends Error {
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.name = 'QuerySyntaxError';
    this.place = place;
  }
}

const lexical =
  /(?<skip>[\s,\uFEFF]+|#[^\n\r]*)|(?<name>[_A-Za-z]\w*)|(?<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<block>"""[\s\S]*?""")|(?<string>"(?:[^"\\\n]|\\.)*")|(?<punctuation>\.\.\.|[!$&()[\]{}:=@|])/y;

function lexemes(text: string): Lexeme[] {
  const found: Lexeme[] = [];
  let line = 1;
  let lineStart = 0;
  lexical.lastIndex = 0;
  while (lexical.lastIndex < text.length) {
    const at = lexical.lastIndex;
    const place = { line, column: at - lineStart + 1 };
    const match = lexical.exec(text);
    if (match === null) throw new QuerySyntaxError(`Unexpected character: ${JSON.stringify(text[at])}`, place);
    const [all] = match;
    const groups: Readonly<Record<string, string | undefined>> = match.groups ?? {};
    for (let i = 0; i < all.length; i += 1) {
      if (all[i] !== '\n') continue;
      line += 1;
      lineStart = at + i + 1;
    }
    if (groups['skip'] !== undefined) continue;
    if (groups['block'] !== undefined) found.push({ kind: 'string', text: all.slice(3, -3), place });
    else if (groups['string'] !== undefined) found.push({ kind: 'string', text: JSON.parse(all) as string, place });
    else if (groups['name'] !== undefined) found.push({ kind: 'name', text: all, place });
    else found.push({ kind: groups['number'] === undefined ? 'punctuation' : 'number', text: all, place });
  }
  found.push({ kind: 'end', text: 'end of file', place: { line, column: text.length - lineStart + 1 } });
  return found;
}

/** Parses an executable document: https://spec.graphql.org/October2021/#sec-Document. @throws QuerySyntaxError */
export function parseQuery(text: string): QueryDocument {
  const all = lexemes(text);
  let at = 0;
  const peek = (): Lexeme => all[at] ?? all.at(-1) ?? { kind: 'end', text: '', place: { line: 1, column: 1 } };
  const next = (): Lexeme => {
    const lexeme = peek();
    at += 1;
    return lexeme;
  };
  const is = (text_: string): boolean => peek().text === text_ && peek().kind !== 'string';
  const unexpected = (): QuerySyntaxError =>
    new QuerySyntaxError(`Parse error on ${JSON.stringify(peek().text)} (${peek().kind})`, peek().place);
  const expect = (punctuation: string): void => {
    if (!is(punctuation)) throw unexpected();
    at += 1;
  };
  const take = (punctuation: string): boolean => {
    if (!is(punctuation)) return false;
    at += 1;
    return true;
  };
  const name = (): string => {
    if (peek().kind !== 'name') throw unexpected();
    return next().text;
  };
  const value = (): ValueNode => {
    const lexeme = next();
    if (lexeme.kind === 'string') return { kind: 'constant', value: lexeme.text };
    if (lexeme.kind === 'number') return { kind: 'constant', value: Number(lexeme.text) };
    if (lexeme.kind === 'name') {
      if (lexeme.text === 'true' || lexeme.text === 'false') return { kind: 'constant', value: lexeme.text === 'true' };
      return lexeme.text === 'null' ? { kind: 'constant', value: null } : { kind: 'enum', name: lexeme.text };
    }
    if (lexeme.text === '$') return { kind: 'variable', name: name() };
    if (lexeme.text === '[') {
      const items: ValueNode[] = [];
      while (!take(']')) items.push(value());
      return { kind: 'list', items };
    }
    if (lexeme.text === '{') {
      const fields: Record<string, ValueNode> = {};
      while (!take('}')) {
        const key = name();
        expect(':');
        fields[key] = value();
      }
      return { kind: 'object', fields };
    }
    at -= 1;
    throw unexpected();
  };
  const args = (): Readonly<Record<string, ValueNode>> => {
    const made: Record<string, ValueNode> = {};
    if (!take('(')) return made;
    do {
      const key = name();
      expect(':');
      made[key] = value();
    } while (!take(')'));
    return made;
  };
  const directives = (): readonly Directive[] => {
    const made: Directive[] = [];
    while (take('@')) made.push({ name: name(), args: args() });
    return made;
  };
  const selections = (): readonly Selection[] => {
    const made: Selection[] = [];
    expect('{');
    do made.push(selection());
    while (!take('}'));
    return made;
  };
  const selection = (): Selection => {
    const { place } = peek();
    if (take('...')) {
      if (peek().kind === 'name' && !is('on')) return { kind: 'spread', name: name(), directives: directives(), place };
      const on = take('on') ? name() : null;
      return { kind: 'inline', on, directives: directives(), selections: selections(), place };
    }
    const first = name();
    const real = take(':') ? name() : first;
    const given = args();
    const marks = directives();
    const inner = is('{') ? selections() : null;
    return { kind: 'field', key: first, name: real, args: given, directives: marks, selections: inner, place };
  };
  const type = (): string => {
    let made: string;
    if (take('[')) {
      made = `[${type()}]`;
      expect(']');
    } else made = name();
    return take('!') ? `${made}!` : made;
  };
  const operation = (): Operation => {
    if (is('{')) return { kind: 'query', name: null, variables: {}, selections: selections() };
    const kind = name();
    if (kind !== 'query' && kind !== 'mutation' && kind !== 'subscription') {
      at -= 1;
      throw unexpected();
    }
    const own = peek().kind === 'name' ? name() : null;
    const variables: Record<string, { type: string; preset: ValueNode | null }> = {};
    if (take('(')) {
      do {
        expect('$');
        const variable = name();
        expect(':');
        variables[variable] = { type: type(), preset: take('=') ? value() : null };
      } while (!take(')'));
    }
    directives();
    return { kind, name: own, variables, selections: selections() };
  };
  const operations: Operation[] = [];
  const fragments = new Map<string, Fragment>();
  do {
    const { place } = peek();
    if (!take('fragment')) {
      operations.push(operation());
      continue;
    }
    const own = name();
    expect('on');
    const on = name();
    directives();
    fragments.set(own, { name: own, on, selections: selections(), place });
  } while (peek().kind !== 'end');
  return { operations, fragments };
}
