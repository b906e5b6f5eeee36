/** Git's own words for a server that wants a password, or other ones, or shows nothing to strangers. */
const refusal = /could not read Username|Authentication failed|not found|\b40[134]\b/i;

/** Whether a checkout that broke with this may go on with other credentials. */
export function isFetchRefusal(detail: string): boolean {
  return refusal.test(detail);
}
