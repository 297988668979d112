/** What the metrics of the registry are, read from their text. */
export type Registered = Map<string, { kind: string; labels: Map<string, Set<string>> }>;

export type Selector = { series: string; matchers: { label: string; values: string[] }[] };

const FUNCTIONS = [
  'absent',
  'changes',
  'histogram_quantile',
  'increase',
  'label_values',
  'max',
  'rate',
  'sum',
  'time',
] as const;
const WORDS = ['and', 'bool', 'by', 'on', 'or', 'unless'];
const SELECTOR = /([a-zA-Z_:][\w:]*)(\{[^}]*\})?/g;
const MATCHER = /^\s*(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*$/;

export function parseExposition(text: string): Registered {
  const metrics: Registered = new Map();
  for (const [, name = '', kind = ''] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    metrics.set(name, { kind, labels: new Map() });
  }
  for (const [, series = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const metric = metrics.get(metricOf(series, metrics) ?? '');
    if (metric === undefined) throw new Error(`a sample without a type: ${series}`);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label !== 'le') metric.labels.set(label, (metric.labels.get(label) ?? new Set()).add(value));
    }
  }
  return metrics;
}

/** The metric that a series belongs to: its own name, or that of a histogram. */
export function metricOf(series: string, metrics: Registered): string | null {
  const own = metrics.get(series);
  if (own !== undefined) return own.kind === 'histogram' ? null : series;
  const base = series.replace(/_(bucket|sum|count)$/, '');
  return metrics.get(base)?.kind === 'histogram' ? base : null;
}

/** The time series that an expression asks for; a function that is not known here counts as one. */
export function selectorsOf(expression: string): Selector[] {
  const bare = expression.replaceAll(/\[[^\]]*\]/g, '').replaceAll(/\b(by|on) \([^)]*\)/g, '$1');
  return [...bare.matchAll(SELECTOR)].flatMap(([whole, series = '', braces = '{}'], at, all) => {
    const end = (all[at]?.index ?? 0) + whole.length;
    const isCalled = /^\s*\(|^ by\b/.test(bare.slice(end));
    if (WORDS.includes(series) || (isCalled && (FUNCTIONS as readonly string[]).includes(series))) return [];
    const matchers = braces.slice(1, -1).split(',').filter(Boolean).map(parseMatcher);
    return [{ series, matchers }];
  });
}

/** The labels that an expression groups or joins by. */
export function groupingLabelsOf(expression: string): string[] {
  return [...expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, labels = '']) =>
    labels.split(',').map((label) => label.trim()),
  );
}

function parseMatcher(text: string): Selector['matchers'][number] {
  const [, label = '', operator, value = ''] = MATCHER.exec(text) ?? [];
  if (label === '') throw new Error(`not a matcher: ${text}`);
  return { label, values: operator === '=~' || operator === '!~' ? value.split('|') : [value] };
}
