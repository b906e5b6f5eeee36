import type { Call } from './call.ts';
import { invalid, Refusal } from './refusal.ts';

/** The longest comment, body of an issue or of a pull request: 65,536 characters; more is refused with 422. */
const mostBody = 65_536;

/** A text in the body; null and absent are absent. @throws Refusal 422 when it is something else. */
export function optionalText(call: Call, field: string): string | undefined {
  const value = call.body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw wrongType(field, value, 'string');
  return value;
}

/** A text that must be there and not be blank, at most `most` characters. */
export function textOf(call: Call, resource: string, field: string, most = mostBody): string {
  const text = optionalText(call, field);
  if (text === undefined || text.trim() === '') throw invalid(resource, field, { code: 'missing_field' });
  return bounded(resource, field, text, most);
}

/** @throws Refusal 422 for a text that is too long, in characters as people count them. */
export function bounded(resource: string, field: string, text: string, most = mostBody): string {
  if (Array.from(text).length <= most) return text;
  throw invalid(resource, field, { message: `${field} is too long (maximum is ${most} characters)` });
}

/** One of these words, or absent. */
export function oneOf<T extends string>(
  call: Call,
  resource: string,
  field: string,
  words: readonly T[],
): T | undefined {
  const text = optionalText(call, field);
  if (text === undefined) return undefined;
  const word = words.find((one) => one === text);
  if (word === undefined) throw invalid(resource, field, { code: 'invalid' });
  return word;
}

/** Names in a list, given as texts or as objects with a name. Null when absent. */
export function namesOf(call: Call, field: string): readonly string[] | undefined {
  const value = call.body[field];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw wrongType(field, value, 'array');
  return value.map((one: unknown) => {
    if (typeof one === 'string') return one;
    const name: unknown = typeof one === 'object' && one !== null && 'name' in one ? one.name : null;
    if (typeof name !== 'string') throw wrongType(field, one, 'string');
    return name;
  });
}

/** GitHub's 422 for a body that has not the shape: no `errors`, a message that names the value. */
function wrongType(field: string, value: unknown, type: string): Refusal {
  const message = `Invalid request.\n\nFor 'properties/${field}', ${JSON.stringify(value).slice(0, 200)} is not a ${type}.`;
  return new Refusal(422, { message, documentation_url: 'https://docs.github.com/rest', status: '422' });
}
