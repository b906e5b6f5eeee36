/** A key as the path of an address: each part percent-encoded. */
export function keyPath(key: string): string {
  return key
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll(/[!'()*]/g, escape))
    .join('/');
}

function escape(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}
