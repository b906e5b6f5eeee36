import { after } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import axe from 'axe-core';
import type { CleansUp } from './temp-dir.ts';
import { launchChromium } from './chromium.ts';

/** How a page of the test looks at us. */
export interface PageWishes {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly hasScript?: boolean;
}

/** Pages of a real Chromium. `troubles` gathers script errors, refused content and failed requests of all of them. */
export interface TestBrowser {
  open(address: string, wishes?: PageWishes): Promise<Page>;
  readonly troubles: string[];
}

// One Chromium for all tests of a file: it takes seconds to start. Ends with the file, also when a test failed.
let running: Promise<Browser> | null = null;
after(async () => {
  await (await running)?.close();
});

/** A Chromium with nothing kept from other tests. Gate the test with `needs('chromium')`. */
export async function openBrowser(context: CleansUp): Promise<TestBrowser> {
  running ??= launchChromium();
  const browser = await running;
  const pages: Page[] = [];
  context.after(async () => {
    for (const page of pages) await page.context().close();
  });
  const troubles: string[] = [];
  return {
    troubles,
    async open(address, { width = 1280, height = 800, scheme = 'light', hasScript = true } = {}) {
      const page = await browser.newPage({
        viewport: { width, height },
        colorScheme: scheme,
        javaScriptEnabled: hasScript,
        reducedMotion: 'reduce',
      });
      pages.push(page);
      page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') troubles.push(`console: ${message.text()}`);
      });
      page.on('dialog', (dialog) => {
        troubles.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      await page.goto(address, { waitUntil: 'load' });
      return page;
    },
  };
}

/** What axe finds wrong with the page by WCAG 2.2 AA and its best practices, one line each. */
export async function axeFindings(page: Page): Promise<string[]> {
  // By the debugger, so that the page's content security policy stays as it is.
  await page.evaluate(`${axe.source}; 0`);
  const found = await page.evaluate<axe.AxeResults>('axe.run(document, { resultTypes: ["violations"] })');
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}
