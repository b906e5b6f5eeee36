import { errorLine, isGroundcrewError } from '../base/errors.ts';
import { forgeReferences, webhookPath, type ForgeSettings } from '../config/forge-settings.ts';
import { createSecrets } from '../config/secrets.ts';
import { findServer } from '../config/server-file.ts';
import type { Settings } from '../config/settings.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import type { CommandContext } from './wiring.ts';

/** For a forge that hangs, and for our own public address. */
const forgeTimeoutMs = 60_000;
const addressTimeoutMs = 5_000;

/** What is set up for the forges of the configuration, here and there; nothing is changed anywhere. */
export async function forgeFindings(context: CommandContext, settings: Settings): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const forge of settings.forges) {
    const unreadable = secretFindings(context, forge);
    findings.push(
      ...unreadable,
      ...projectFindings(settings, forge),
      ...fetchFindings(settings, forge),
      ...(await webhookFindings(context, settings, forge)),
    );
    if (unreadable.some(({ state }) => state === 'fail')) continue;
    findings.push(...(await askedFindings(context, settings, forge)));
  }
  return findings;
}

function secretFindings({ env }: CommandContext, forge: ForgeSettings): readonly Finding[] {
  const secrets = createSecrets(forgeReferences([forge]), env);
  const open = secrets.warnings().map((line) => warn(forge.name, line, 'a secret is for its owner alone'));
  const lost = secrets.names.flatMap((name) => {
    try {
      secrets.resolve(name);
      return [];
    } catch (error) {
      if (!isGroundcrewError(error)) throw error;
      return [fail(forge.name, errorLine(error), `put the secret there, or correct ${name}`)];
    }
  });
  return [...open, ...lost];
}

function projectFindings({ projects }: Settings, { name, statuses }: ForgeSettings): readonly Finding[] {
  const count = projects.filter((project) => project.forge === name).length;
  if (count === 0) {
    return [warn(name, 'no project lives on it', `add one under projects: {name: OWNER/REPO, forge: ${name}}`)];
  }
  const mode = statuses.kind === 'prefix' ? `statuses under ${statuses.prefix}` : `statuses: ${statuses.kind}`;
  return [ok(name, `${String(count)} ${count === 1 ? 'project' : 'projects'}, ${mode}`)];
}

/** Whether a project is private only the forge knows; that a token is missing shows in each of its jobs. */
function fetchFindings({ projects, queue }: Settings, { name, auth }: ForgeSettings): readonly Finding[] {
  const isNeeded = queue.kind === 'amqp' && projects.some((project) => project.forge === name);
  if (!isNeeded || auth.kind !== 'token' || auth.fetchToken !== null) return [];
  const remedy = `set forges.${name}.fetchToken to a token that reads and nothing else, or use an App, which makes its own`;
  return [warn(name, 'no fetchToken: workers of other machines cannot fetch a private repository', remedy)];
}

async function webhookFindings(
  context: CommandContext,
  settings: Settings,
  forge: ForgeSettings,
): Promise<readonly Finding[]> {
  const { name, webhookSecrets } = forge;
  const findings: Finding[] = [];
  if (webhookSecrets.length === 0) {
    findings.push(
      warn(
        name,
        'no webhookSecrets: no webhook is taken, and changes are found by the scan, every 10 minutes',
        `set forges.${name}.webhookSecrets, and the same secret at the webhook`,
      ),
    );
  }
  const { publicUrl } = settings.server;
  if (publicUrl === null) {
    const remedy = `set server.publicUrl to the https address under which ${forge.webUrl} and people reach this server`;
    return [
      ...findings,
      warn(name, 'server.publicUrl is not set: statuses link nowhere, webhooks have no address', remedy),
    ];
  }
  const address = publicUrl + webhookPath(name);
  if (webhookSecrets.length === 0) return findings;
  if (findServer(settings.paths.serverFile).kind !== 'running') {
    return [
      ...findings,
      ok(name, `webhooks are to be sent to ${address} (the server does not run, so it was not tried)`),
    ];
  }
  return [...findings, await addressFinding(context, name, address)];
}

/** Our server says of itself at that address that it takes webhooks by POST; anything else is not it. */
async function addressFinding(context: CommandContext, name: string, address: string): Promise<Finding> {
  const remedy = 'see to DNS, TLS and the proxy in front of the server; the forge must reach this path';
  try {
    const signal = AbortSignal.any([context.interruption(), AbortSignal.timeout(addressTimeoutMs)]);
    const response = await fetch(address, { redirect: 'error', signal });
    await response.body?.cancel();
    return response.status === 405
      ? ok(name, `webhooks reach this server at ${address}`)
      : fail(name, `${address} answers ${String(response.status)}, which is not this server taking webhooks`, remedy);
  } catch (error) {
    return fail(name, `${address} cannot be reached from here: ${errorLine(error)}`, remedy);
  }
}

async function askedFindings(
  context: CommandContext,
  settings: Settings,
  forge: ForgeSettings,
): Promise<readonly Finding[]> {
  const wiring = await context.wiring();
  const signal = AbortSignal.any([context.interruption(), AbortSignal.timeout(forgeTimeoutMs)]);
  try {
    const found = await wiring.checkForge(settings, forge.name, context, signal);
    return found.map(({ ok: isOk, isLesser = false, what, remedy }) => {
      if (isOk) return ok(forge.name, what);
      return (isLesser ? warn : fail)(forge.name, what, remedy ?? 'see docs/guides/github.md');
    });
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return [fail(forge.name, errorLine(error), `see whether ${forge.apiUrl} can be reached from here`)];
  }
}
