import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type FormEntry = {
  id: string;
  versionId: string;
  name: string;
  title: string;
  /** Form.io components of this version. */
  components?: object[];
};

export type FormApiOptions = {
  forms: FormEntry[];
  /** `page`: `{total, forms: […]}`; `array`: entries with `_id`, as older form APIs answer. */
  shape?: 'page' | 'array';
  port?: number;
};

export type RunningFormApi = {
  url: string;
  /** How many requests it has had. */
  requests(): number;
  /** The next requests get this answer instead. */
  failNext(status: number, times: number): void;
  stop(): Promise<void>;
};

/** A form API with a handful of forms: finds them by name and gives a version's Form.io definition. */
export async function startFormApi({ forms, shape = 'page', port = 0 }: FormApiOptions): Promise<RunningFormApi> {
  let requests = 0;
  let failures: { status: number; left: number } = { status: 500, left: 0 };

  const server = createServer((request, response) => {
    requests++;
    if (failures.left > 0) {
      failures.left--;
      return answer(response, failures.status, { error: 'told to fail' });
    }
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://form-api');
    if (pathname === '/form') return answer(response, 200, find(forms, shape, searchParams));
    const version = forms.find(({ versionId }) => pathname === `/form/version/${encodeURIComponent(versionId)}`);
    if (version === undefined) return answer(response, 404, { error: 'no such form' });
    const { name, title, components = [] } = version;
    answer(response, 200, { name, title, display: 'form', components });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    failNext(status, times) {
      failures = { status, left: times };
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function find(forms: FormEntry[], shape: 'page' | 'array', query: URLSearchParams): unknown {
  const name = query.get('name');
  const offset = Number(query.get('offset') ?? 0);
  const found = forms.filter((form) => name === null || form.name === name);
  const page = found.slice(offset, offset + Number(query.get('limit') ?? 20));
  if (shape === 'array') return page.map(({ id, versionId, name, title }) => ({ _id: id, versionId, name, title }));
  return { total: found.length, forms: page.map(({ id, versionId, name, title }) => ({ id, versionId, name, title })) };
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
