/** `make pictures`: what `docs/images/` shows of the case view, every page of it, from the demo's own case. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { launchBrowser } from '../dev/browser/launch-browser.ts';
import { takePictures } from '../dev/browser/take-pictures.ts';
import { newScratchDir, projectDir } from '../dev/servers/cache.ts';
import { startFormvault } from '../dev/servers/formvault.ts';
import { findFreePort } from '../dev/servers/free-port.ts';
import { startOidcProvider } from '../dev/servers/oidc-provider.ts';

const DIR = join(projectDir, 'docs', 'images');

export type ToShow = {
  pagesUrl: string;
  /** Of the Formvault that shows them. */
  settings: Record<string, string>;
  caseId: string;
  /** Of one of its forms. */
  key: string;
};

export async function takePagePictures({ pagesUrl, settings, caseId, key }: ToShow): Promise<void> {
  const casePath = `/cases/${encodeURIComponent(caseId)}`;
  const browser = await launchBrowser();
  try {
    await takePictures(browser, {
      url: pagesUrl,
      dir: DIR,
      paths: {
        'page-find-cases': '/cases',
        'page-case': casePath,
        'page-form': `${casePath}/submission?key=${encodeURIComponent(key)}`,
        'page-whole-case': `${casePath}/print`,
        'page-not-found': '/cases/nobody',
      },
    });
    await withSignIn(settings, (url) =>
      takePictures(browser, { url, dir: DIR, paths: { 'page-signed-out': '/signed-out' } }),
    );
  } finally {
    await browser.close();
  }
}

/** The demo has no sign-in; another Formvault beside it has. */
async function withSignIn(settings: Record<string, string>, use: (url: string) => Promise<void>): Promise<void> {
  const port = String(await findFreePort());
  const url = `http://127.0.0.1:${port}`;
  const dataDir = newScratchDir('pictures-data');
  const oidc = await startOidcProvider({ redirectUris: [`${url}/sign-in/callback`] });
  try {
    const formvault = await startFormvault(
      {
        ...settings,
        ROLES: 'web',
        PORT: port,
        DATA_DIR: dataDir,
        OIDC_ISSUER: oidc.url,
        OIDC_CLIENT_ID: oidc.clientId,
        OIDC_CLIENT_SECRET: oidc.clientSecret ?? '',
        OIDC_AUDIENCE: oidc.audience,
      },
      { until: 'listening' },
    );
    await use(url).finally(() => formvault.stop());
  } finally {
    await oidc.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
