import { GraphqlError } from './graphql-error.ts';
import type { Operation, Place, QueryDocument, Selection, ValueNode } from './graphql-parse.ts';
import { bareType, canBe, type FieldType, fieldOf, graphqlTypes, isComposite } from './graphql-types.ts';

// https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#node-limit
const mostNodes = 500_000;
const mostOfConnection = 100;

/** What a query asks for at most, and what it costs. */
export interface QueryWeight {
  readonly nodeCount: number;
  readonly cost: number;
}

/**
 * Checks a query against the schema and GitHub's limits before anything runs: unknown fields and arguments, missing
 * arguments and braces, unused or undeclared fragments and variables, lists without `first` or `last`, more than 100 of
 * them, more than 500,000 nodes. Gives what it weighs, or what is wrong with it.
 */
export function checkQuery(
  document: QueryDocument,
  operation: Operation,
  variables: Readonly<Record<string, unknown>>,
): QueryWeight | readonly GraphqlError[] {
  const errors: GraphqlError[] = [];
  const usedVariables = new Set<string>();
  const usedFragments = new Set<string>();
  let nodeCount = 0;
  let requests = 0;
  const wrong = (message: string, place: Place, extensions: Readonly<Record<string, unknown>>): void => {
    errors.push(new GraphqlError(message, null, { locations: [place], extensions }));
  };
  const noteVariables = (value: ValueNode): void => {
    if (value.kind === 'variable') {
      if (operation.variables[value.name] === undefined) {
        const on = operation.name ?? 'anonymous query';
        wrong(
          `Variable $${value.name} is used by ${on} but not declared`,
          { line: 1, column: 1 },
          {
            code: 'variableNotDefined',
            variableName: value.name,
          },
        );
      }
      usedVariables.add(value.name);
    } else if (value.kind === 'list') value.items.forEach(noteVariables);
    else if (value.kind === 'object') Object.values(value.fields).forEach(noteVariables);
  };
  const checkArgs = (field: FieldSelection, on: string, type: FieldType): void => {
    for (const [name, value] of Object.entries(field.args)) {
      noteVariables(value);
      if (type.args[name] !== undefined) continue;
      wrong(`Field '${field.name}' doesn't accept argument '${name}'`, field.place, {
        code: 'argumentNotAccepted',
        name: field.name,
        typeName: 'Field',
        argumentName: name,
      });
    }
    const missing = Object.entries(type.args).filter(
      ([name, is]) => is.endsWith('!') && field.args[name] === undefined,
    );
    if (missing.length === 0) return;
    const names = missing.map(([name]) => name).join(', ');
    wrong(`Field '${field.name}' is missing required arguments: ${names}`, field.place, {
      code: 'missingRequiredArguments',
      className: 'Field',
      name: field.name,
      arguments: names,
      on,
    });
  };
  /** How many of a connection are asked for; null for a field that is none. */
  const sizeOf = (field: FieldSelection, type: FieldType): number | null => {
    if (!bareType(type.type).endsWith('Connection')) return null;
    const asked = ['first', 'last'].flatMap((name) => {
      const value = field.args[name];
      const given: unknown = value === undefined ? null : valueOf(value, variables);
      return typeof given === 'number' ? [{ name, given }] : [];
    });
    const [one] = asked;
    if (one === undefined) {
      errors.push(
        new GraphqlError(
          `You must provide a \`first\` or \`last\` value to properly paginate the \`${field.name}\` connection.`,
          'MISSING_PAGINATION_BOUNDARIES',
          { locations: [field.place] },
        ),
      );
      return 0;
    }
    if (one.given > mostOfConnection || one.given < 0) {
      errors.push(
        new GraphqlError(
          `Requesting ${one.given} records on the \`${field.name}\` connection exceeds the \`${one.name}\` limit of 100 records.`,
          'EXCESSIVE_PAGINATION',
          { locations: [field.place] },
        ),
      );
    }
    return one.given;
  };
  const walk = (selections: readonly Selection[], on: string, parents: number): void => {
    for (const selection of selections) {
      for (const directive of selection.directives) Object.values(directive.args).forEach(noteVariables);
      if (selection.kind !== 'field') {
        const fragment = selection.kind === 'spread' ? document.fragments.get(selection.name) : selection;
        if (fragment === undefined) {
          const name = selection.kind === 'spread' ? selection.name : '';
          wrong(`Fragment ${name} was used, but not defined`, selection.place, { code: 'useAndDefineFragment' });
          continue;
        }
        if (selection.kind === 'spread') {
          // A fragment within itself would never end.
          if (stack.includes(selection.name)) {
            wrong(`Fragment ${selection.name} contains an infinite loop`, selection.place, { code: 'infiniteLoop' });
            continue;
          }
          usedFragments.add(selection.name);
          stack.push(selection.name);
        }
        const to = fragment.on ?? on;
        if (!isComposite(to))
          wrong(`No such type ${to}, so it can't be a fragment condition`, selection.place, { code: 'undefinedType' });
        else if (!overlap(to, on)) {
          wrong(`Fragment on ${to} can't be spread inside ${on}`, selection.place, { code: 'cannotSpreadFragment' });
        } else walk(fragment.selections, to, parents);
        if (selection.kind === 'spread') stack.pop();
        continue;
      }
      const type = fieldOf(on, selection.name);
      if (type === null) {
        wrong(`Field '${selection.name}' doesn't exist on type '${on}'`, selection.place, {
          code: 'undefinedField',
          typeName: on,
          fieldName: selection.name,
        });
        continue;
      }
      checkArgs(selection, on, type);
      const inner = bareType(type.type);
      if (isComposite(inner) !== (selection.selections !== null)) {
        const how = isComposite(inner) ? 'Field must have selections' : "Selections can't be made on scalars";
        wrong(`${how} (field '${selection.name}' returns ${inner})`, selection.place, { code: 'selectionMismatch' });
        continue;
      }
      const size = sizeOf(selection, type);
      if (size !== null) {
        requests += parents;
        nodeCount += parents * size;
      }
      if (selection.selections !== null) walk(selection.selections, inner, size === null ? parents : parents * size);
    }
  };
  const stack: string[] = [];
  walk(operation.selections, 'Query', 1);
  for (const { name, place } of document.fragments.values()) {
    if (!usedFragments.has(name))
      wrong(`Fragment ${name} was defined, but not used`, place, { code: 'useAndDefineFragment', fragmentName: name });
  }
  for (const [name, { type, preset }] of Object.entries(operation.variables)) {
    const place = { line: 1, column: 1 };
    if (!usedVariables.has(name)) {
      wrong(`Variable $${name} is declared by ${operation.name ?? 'anonymous query'} but not used`, place, {
        code: 'variableNotUsed',
        variableName: name,
      });
    }
    const given = variables[name];
    if (given === undefined && preset !== null) continue;
    if (!fits(given, type)) {
      wrong(`Variable $${name} of type ${type} was provided invalid value`, place, {
        value: given ?? null,
        problems: [],
      });
    }
  }
  if (errors.length > 0) return errors;
  if (nodeCount > mostNodes) {
    const text = `This query requests up to ${nodeCount.toLocaleString('en-US')} possible nodes which exceeds the maximum limit of 500,000.`;
    return [new GraphqlError(text, 'MAX_NODE_LIMIT_EXCEEDED')];
  }
  // Requests that the lists would take, by hundreds: …#predicting-the-point-score-of-a-query
  return { nodeCount, cost: Math.max(1, Math.round(requests / 100)) };
}

type FieldSelection = Extract<Selection, { readonly kind: 'field' }>;

/** The value that a node means, with the variables put in; `undefined` for a variable that was not given. */
export function valueOf(value: ValueNode, variables: Readonly<Record<string, unknown>>): unknown {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'enum':
      return value.name;
    case 'variable':
      return variables[value.name];
    case 'list':
      return value.items.map((item) => valueOf(item, variables));
    case 'object':
      return Object.fromEntries(Object.entries(value.fields).map(([key, inner]) => [key, valueOf(inner, variables)]));
  }
}

function overlap(a: string, b: string): boolean {
  if (canBe(a, b) || canBe(b, a)) return true;
  const possible = graphqlTypes.possible[a] ?? [];
  return possible.some((type) => canBe(type, b));
}

/** Whether a value from JSON may stand for a type. */
export function fits(value: unknown, type: string): boolean {
  if (type.endsWith('!')) return value !== null && value !== undefined && fits(value, type.slice(0, -1));
  if (value === null || value === undefined) return true;
  if (type.startsWith('[')) {
    const inner = type.slice(1, -1);
    return Array.isArray(value) ? value.every((one) => fits(one, inner)) : fits(value, inner);
  }
  const words = graphqlTypes.enums[type];
  if (words !== undefined) return typeof value === 'string' && words.includes(value);
  const fields = graphqlTypes.inputs[type];
  if (fields !== undefined) {
    if (typeof value !== 'object' || Array.isArray(value)) return false;
    const given = value as Readonly<Record<string, unknown>>;
    const isKnown = Object.keys(given).every((key) => fields[key] !== undefined);
    return isKnown && Object.entries(fields).every(([key, inner]) => fits(given[key], inner));
  }
  if (type === 'Int') return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
  if (type === 'Float') return typeof value === 'number';
  if (type === 'Boolean') return typeof value === 'boolean';
  if (type === 'ID') return typeof value === 'string' || Number.isInteger(value);
  return typeof value === 'string';
}
