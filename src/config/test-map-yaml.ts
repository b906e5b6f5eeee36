import type { ImportedCheck, ImportedProject } from '../decide/import-test-map.ts';

/** What the file needs besides the map. */
export interface TestMapYaml {
  /** Where the map came from, for the first line. */
  readonly source: string;
  /** The name that `forges` gets. */
  readonly forge: string;
  readonly projects: readonly ImportedProject[];
  readonly ignored: readonly string[];
}

/**
 * A whole `groundcrew.yaml` that does what a test map of Cockpit did, with comments for whoever goes on with it. Projects of
 * other forges stand in it as comments: no such forge is configured.
 */
export function testMapYaml({ source, forge, projects, ignored }: TestMapYaml): string {
  // Without checks a project would get the one that all have by default.
  const [tested, untested] = [projects.filter(hasChecks), projects.filter((project) => !hasChecks(project))];
  const here = tested.filter((project) => project.forge === null || project.forge === forge);
  const elsewhere = tested.filter((project) => !here.includes(project));
  return [
    `# Taken over from ${oneLine(source)} by "groundcrew policy import".`,
    '# Check it with "groundcrew config check FILE"; begin with statuses: {prefix: TEXT} beside the present CI (shadow mode).',
    ...ignored.map((line) => `# Not taken over: ${oneLine(line)}`),
    'forges:',
    `  ${forge}:`,
    '    kind: github',
    '    token: {file: keys/github-token} # or an App: {id: NUMBER, key: {file: PATH}}',
    '    webhookSecrets: [{file: keys/webhook}]',
    here.length === 0 ? 'projects: []' : 'projects:',
    ...untested.map(({ repo }) => `  # ${oneLine(repo)}: left out, since no context is tested there`),
    ...here.flatMap((project) => projectLines(project, forge)),
    ...elsewhere.flatMap((project) => [
      `  # ${oneLine(project.forge ?? '')}: is not configured as a forge`,
      ...projectLines(project, project.forge ?? '').map((line) => `  #${line.slice(1)}`),
    ]),
    '',
  ].join('\n');
}

function hasChecks({ checks }: ImportedProject): boolean {
  return checks.length > 0;
}

function projectLines(project: ImportedProject, forge: string): readonly string[] {
  return [
    `  - name: ${scalar(project.repo)}`,
    `    forge: ${scalar(forge)}`,
    `    branches: ${list(project.branches)}`,
    `    mainBranch: ${scalar(project.mainBranch)}`,
    '    checks:',
    ...groups(project.checks).flatMap(({ title, checks }) => [
      `      # ${title}`,
      ...checks.map((check) => `      - ${checkLine(check)}`),
    ]),
  ];
}

/** Checks that stand next to each other for the same branches, under one comment. */
function groups(
  checks: readonly ImportedCheck[],
): readonly { readonly title: string; readonly checks: readonly ImportedCheck[] }[] {
  const found: { readonly title: string; readonly checks: ImportedCheck[] }[] = [];
  for (const check of checks) {
    const title = check.isManual ? 'Only on request' : `On ${check.branches.map(oneLine).join(', ')}`;
    const last = found.at(-1);
    if (last?.title === title) last.checks.push(check);
    else found.push({ title, checks: [check] });
  }
  return found;
}

function checkLine({ context, branches, isManual, needs, pool, priority }: ImportedCheck): string {
  const parts = [
    `context: ${scalar(context)}`,
    ...(isManual ? ['manual: true'] : [`branches: ${list(branches)}`]),
    ...(needs.length === 0 ? [] : [`needs: ${list(needs)}`]),
    ...(pool === null ? [] : [`pool: ${scalar(pool)}`]),
    ...(priority === null ? [] : [`priority: ${String(priority)}`]),
  ];
  return `{${parts.join(', ')}}`;
}

function list(texts: readonly string[]): string {
  return `[${texts.map(scalar).join(', ')}]`;
}

/** Bare where no reader could take it for something else than text. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}

/** For a comment: a line break would end it. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 300);
}
