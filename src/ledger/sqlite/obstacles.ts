import type { Sql } from '../../base/sqlite.ts';
import type { GrantObstacle } from '../../core/grant.ts';

/** These are all there are, from now on. */
export function keepObstacles(sql: Sql, obstacles: readonly GrantObstacle[]): void {
  sql.run('DELETE FROM grant_obstacles');
  for (const obstacle of obstacles) {
    const [forge, repo] = obstacle.of === 'store' ? ['', ''] : [obstacle.forge, obstacle.repo];
    sql.run('INSERT OR REPLACE INTO grant_obstacles (forge, repo, why) VALUES (?, ?, ?)', forge, repo, obstacle.why);
  }
}

export function countObstacles(sql: Sql): number {
  return sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM grant_obstacles')?.n ?? 0;
}

/** What a waiting job fetches, or the store, cannot be granted now. */
export function obstacleOf(
  sql: Sql,
  row: {
    readonly state: string;
    readonly forge: string;
    readonly repo: string;
    readonly tests_forge: string | null;
    readonly tests_repo: string | null;
  },
): GrantObstacle | null {
  if (row.state !== 'waiting') return null;
  const found = sql.get<{ forge: string; repo: string; why: string }>(
    `SELECT forge, repo, why FROM grant_obstacles WHERE (forge = ? AND repo = ?) OR forge = '' ORDER BY forge DESC LIMIT 1`,
    row.tests_forge ?? row.forge,
    row.tests_repo ?? row.repo,
  );
  if (found === undefined) return null;
  const { forge, repo, why } = found;
  return forge === '' ? { of: 'store', why } : { of: 'fetch', forge, repo, why };
}
