import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { projectDir } from '../../dev/servers/cache.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { CaseServices } from '../../src/web/case-services.ts';
import { createHealth } from '../../src/web/health.ts';
import { createWebServer } from '../../src/web/server.ts';
import { createRememberingLog } from './builders-log.ts';

const LONGEST_WAIT_MS = 30_000;

export type CaseSite = {
  url: string;
  close(): Promise<void>;
};

/** The web server with these cases, on a free port. */
export async function startCaseSite(cases: CaseServices): Promise<CaseSite> {
  const health = createHealth();
  const log = createRememberingLog();
  const server = createWebServer({ host: '127.0.0.1', port: 0, health, metrics: createMetrics(), log, cases });
  const { url } = await server.start();
  return { url, close: () => server.stop(AbortSignal.abort()) };
}

export type WatchedPage = {
  page: Page;
  /** What the browser complained of, policies that were broken included. */
  complaints: string[];
  /** Addresses of other origins that the page asked for. */
  strangers: string[];
};

/** A page of a person of its own, watched. */
export async function openPage(
  browser: Browser,
  site: CaseSite,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ baseURL: site.url, locale: 'en-GB', timezoneId: 'UTC', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LONGEST_WAIT_MS);
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${site.url}/`)) strangers.push(request.url());
  });
  return { page, complaints, strangers };
}

type Violation = { id: string; help: string; nodes: { html: string; failureSummary?: string }[] };

/** What axe finds against WCAG 2.2 AA and its best practices. */
export async function findViolations(page: Page): Promise<string[]> {
  const axe = await readFile(join(projectDir, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
  // Not as a script of the page, which its policy forbids.
  await page.evaluate(axe);
  const violations = await page.evaluate<Violation[]>(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }).then(({ violations }) => violations)`);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`));
}
