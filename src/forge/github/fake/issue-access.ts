/** Reading what stands below an issue or pull request. */
export const read = {
  level: 'pull',
  app: [
    ['issues', 'read'],
    ['pull_requests', 'read'],
  ],
} as const;

/** Saying something there: either right of an App will do. */
export const write = {
  level: 'pull',
  app: [
    ['issues', 'write'],
    ['pull_requests', 'write'],
  ],
  creates: true,
} as const;
