import type { Route } from './call.ts';
import { appRoutes } from './rest-apps.ts';
import { commentRoutes } from './rest-comments.ts';
import { contentRoutes } from './rest-contents.ts';
import { gitRoutes } from './rest-git.ts';
import { hookRoutes } from './rest-hooks.ts';
import { issueRoutes } from './rest-issues.ts';
import { metaRoutes } from './rest-meta.ts';
import { peopleRoutes } from './rest-people.ts';
import { pullRoutes } from './rest-pulls.ts';
import { statusRoutes } from './rest-statuses.ts';

/** Every route. Of templates that fit the same path, the narrower comes first. */
export const allRoutes: readonly Route[] = [
  ...statusRoutes,
  ...pullRoutes,
  ...commentRoutes,
  ...issueRoutes,
  ...gitRoutes,
  ...contentRoutes,
  ...peopleRoutes,
  ...appRoutes,
  ...hookRoutes,
  ...metaRoutes,
];
