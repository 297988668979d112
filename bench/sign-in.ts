/** Signs somebody in as a browser would: follows redirects, keeps cookies, and names a person where the provider asks for one. */
const MOST_STEPS = 20;

/** @returns the `Cookie` header that the pages take from now on */
export async function signInByForm(siteUrl: string, userName: string, signal: AbortSignal): Promise<string> {
  const cookies = new Map<string, Map<string, string>>();
  const ask = async (url: string, form?: URLSearchParams): Promise<Response> => {
    const { origin } = new URL(url);
    const jar = cookies.get(origin) ?? new Map<string, string>();
    const options = form === undefined ? {} : { method: 'POST', body: form };
    const headers = { Cookie: headerOf(jar) };
    const response = await fetch(url, { ...options, headers, redirect: 'manual', signal });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(cookie) ?? [];
      jar.set(name, value);
    }
    cookies.set(origin, jar);
    return response;
  };

  let url = `${siteUrl}/cases`;
  let response = await ask(url);
  for (let step = 0; step < MOST_STEPS; step++) {
    const next = response.headers.get('location');
    if (next !== null) {
      url = new URL(next, url).href;
      response = await ask(url);
    } else if (url.startsWith(siteUrl)) {
      if (!response.ok) throw new Error(`the sign-in ended at ${url} with ${response.status}`);
      return headerOf(cookies.get(new URL(siteUrl).origin) ?? new Map());
    } else {
      response = await ask(url, new URLSearchParams({ username: userName }));
    }
  }
  throw new Error(`the sign-in does not come to an end: it is at ${url}`);
}

function headerOf(jar: ReadonlyMap<string, string>): string {
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
}
