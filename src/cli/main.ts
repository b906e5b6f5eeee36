import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { CommandContext, Wiring } from './wiring.ts';

// `--version` answers before anything heavy is loaded: editors and scripts ask it often.
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const [first, ...others] = process.argv.slice(2);
if ((first === '--version' || first === '-V') && others.length === 0) {
  process.stdout.write(`groundcrew ${version}\n`);
} else {
  await start(version);
}

async function start(version: string): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever reads us has seen enough (`groundcrew runs | head`).
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
  const [{ createTerminal }, { systemClock }, { runCli }, { userInfo }] = await Promise.all([
    import('./output/terminal.ts'),
    import('../base/clock.ts'),
    import('./run-cli.ts'),
    import('node:os'),
  ]);
  const context: CommandContext = {
    env: process.env,
    cwd: process.cwd(),
    out: createTerminal(process.stdout, process.env),
    err: createTerminal(process.stderr, process.env),
    clock: systemClock,
    user: userName(userInfo),
    version,
    ...createInterruption(),
    onHangup: (listener) => {
      process.on('SIGHUP', listener);
      return () => process.off('SIGHUP', listener);
    },
    wiring: loadWiring,
  };
  const code = await runCli(process.argv.slice(2), context);
  // What a command left running (an attempt that goes on without us, a timer) must not keep us: the next worker adopts it.
  process.exit(code);
}

function createInterruption(): Required<Pick<CommandContext, 'interruption' | 'onStop'>> {
  let controller: AbortController | null = null;
  let hear: (() => void) | null = null;
  const interruption = (): AbortSignal => {
    if (controller !== null) return controller.signal;
    const stop = new AbortController();
    controller = stop;
    const onSignal = (): void => {
      if (hear !== null) {
        hear();
        return;
      }
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    return stop.signal;
  };
  return {
    interruption,
    onStop(listener) {
      interruption();
      hear = listener;
      return () => {
        hear = null;
      };
    },
  };
}

function userName(userInfo: () => { username: string }): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a uid without a passwd line.
    return `uid ${String(process.getuid?.() ?? 0)}`;
  }
}

async function loadWiring(): Promise<Wiring> {
  const { wiring } = await import('./wire.ts');
  return wiring;
}
