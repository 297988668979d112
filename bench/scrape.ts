import { createHttpConnection } from './http-connection.ts';

export type Scraped = {
  /** All samples of a metric that have these labels together; NaN when there is none. */
  sum(name: string, labels?: Record<string, string>): number;
};

/** The metrics of a Formvault, read as Prometheus would. */
export async function scrape(formvaultUrl: string, signal: AbortSignal): Promise<Scraped> {
  const connection = createHttpConnection();
  try {
    const { status, text } = await connection.request('GET', `${formvaultUrl}/metrics`, { signal });
    if (status !== 200) throw new Error(`the metrics answered ${status}`);
    return parseMetrics(text);
  } finally {
    connection.close();
  }
}

export function parseMetrics(text: string): Scraped {
  const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value = '']) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', of = '']) => [label, of])),
    value: Number(value),
  }));
  return {
    sum(name, labels = {}) {
      const found = samples.filter(
        (sample) => sample.name === name && Object.entries(labels).every(([label, of]) => sample.labels[label] === of),
      );
      return found.length === 0 ? Number.NaN : found.reduce((sum, { value }) => sum + value, 0);
    },
  };
}
