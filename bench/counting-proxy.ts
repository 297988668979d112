import http from 'node:http';
import { findFreePort } from '../dev/servers/free-port.ts';
import { createHttpConnection } from './http-connection.ts';

export type CountedPath = { path: string; requests: number; rows: number };

/** Stands between Formvault and the engine and counts requests and the rows in the answers. Not for timing. */
export async function startCountingProxy(engineUrl: string, signal: AbortSignal) {
  const connection = createHttpConnection();
  const counted = new Map<string, CountedPath>();
  const { origin } = new URL(engineUrl);

  const server = http.createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const path = request.url ?? '/';
      const method = request.method ?? 'GET';
      const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
      const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
      const answer = await connection.request(method, `${origin}${path}`, { ...body, headers, signal });
      count(method, path, answer.text);
      const { 'transfer-encoding': ____, connection: _____, 'content-length': ______, ...kept } = answer.headers;
      response.writeHead(answer.status, kept).end(answer.text);
    } catch {
      response.destroy();
    }
  });

  function count(method: string, path: string, text: string): void {
    const name = `${method} ${nameOf(path)}`;
    const entry = counted.get(name) ?? { path: name, requests: 0, rows: 0 };
    entry.requests++;
    if (text.startsWith('[')) entry.rows += JSON.parse(text).length;
    counted.set(name, entry);
  }

  const port = await findFreePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: engineUrl.replace(origin, `http://127.0.0.1:${port}`),
    counted: (): CountedPath[] => [...counted.values()].sort((a, b) => b.rows - a.rows || b.requests - a.requests),
    close(): void {
      server.close();
      server.closeAllConnections();
      connection.close();
    },
  };
}

/** A path without its query and with the ids left out. */
function nameOf(path: string): string {
  return path
    .replace(/\?.*/, '')
    .replace(/^\/engine-rest/, '')
    .replace(/\/[^/]*[0-9a-f]{8}-[0-9a-f]{4}-[^/]*/g, '/{id}');
}
