import type { OidcPerson } from '../../../dev/servers/oidc-provider.ts';

export type Browser = {
  /** Follows redirects until there is a page, or until an address begins with `stopAt`; that address is not asked for. */
  open(url: string, stopAt?: string, form?: Record<string, string>): Promise<{ url: string; text: string }>;
};

/** As much of a browser as a sign-in without script needs: it keeps cookies and follows redirects. */
export function createBrowser(): Browser {
  const cookies = new Map<string, string>();

  async function ask(url: string, form: Record<string, string> | undefined): Promise<Response> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) };
    const response = await fetch(url, { ...body, headers: { cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  }

  return {
    async open(url, stopAt, form) {
      let response = await ask(url, form);
      for (let at = url; ; ) {
        const location = response.headers.get('location');
        if (location === null) return { url: at, text: await response.text() };
        at = new URL(location, at).href;
        if (stopAt !== undefined && at.startsWith(stopAt)) return { url: at, text: '' };
        response = await ask(at, undefined);
      }
    },
  };
}

/** Lets somebody sign in at the provider; the address that it sends the browser back to. */
export async function signInAt(
  url: string,
  redirectUri: string,
  form: { username: OidcPerson['id'] } | { cancel: 'yes' },
  browser = createBrowser(),
): Promise<URL> {
  const page = await browser.open(url, redirectUri);
  if (page.url.startsWith(redirectUri)) return new URL(page.url);
  const back = await browser.open(page.url, redirectUri, form);
  return new URL(back.url);
}
