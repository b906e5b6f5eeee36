import { chromium, type Browser } from 'playwright-core';
import { chromiumPath } from './needs.ts';

// No network of its own, no first-run pages: only what the test opens.
const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A real Chromium without a window. Ask `has('chromium')` first; whoever launches it closes it. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath() ?? 'chromium', args: quiet });
}
