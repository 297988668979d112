import { findFreePort } from '../../dev/servers/free-port.ts';

/** Where a Formvault tells how it is. */
export type Probes = {
  /** To be given to it. */
  PORT: string;
  ready(): Promise<{
    status: number;
    parts: Record<string, { ok: boolean; state: string; [detail: string]: unknown }>;
  }>;
  /** A sample of a metric by its name, with its labels as they stand there; `null` where there is none. */
  metric(name: string): Promise<number | null>;
};

export async function createProbes(): Promise<Probes> {
  const PORT = String(await findFreePort());
  const ask = (path: string) => fetch(`http://127.0.0.1:${PORT}${path}`);
  return {
    PORT,
    async ready() {
      const answer = await ask('/health/ready');
      const { parts } = (await answer.json()) as { parts: Awaited<ReturnType<Probes['ready']>>['parts'] };
      return { status: answer.status, parts };
    },
    async metric(name) {
      const lines = (await (await ask('/metrics')).text()).split('\n');
      const value = lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
      return value === undefined ? null : Number(value);
    },
  };
}
