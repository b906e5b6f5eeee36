/** Any JSON object that GitHub answers; the tests hold it against the published schemas. */
export type Json = Readonly<Record<string, unknown>>;
