import { describe, expect, test } from '@jest/globals';
import { FAILURES } from '../../src/errors.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { readAlertRules } from './alert-rules.ts';
import { readDocument, sectionOf, tableRows } from './documents.ts';
import { groupingLabelsOf, metricOf, parseExposition, type Registered, selectorsOf } from './promql.ts';

type Panel = {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { h: number; w: number; x: number; y: number };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: { expr: string; legendFormat: string; datasource: { uid: string } }[];
};
type Dashboard = { uid: string; schemaVersion: number; panels: Panel[]; templating: { list: Variable[] } };
type Variable = { name: string; type: string; definition?: string };

/** Labels that Prometheus adds. */
const OF_THE_TARGET = ['job', 'instance'];

const page = readDocument('docs/METRICS.md');
const registered = await readRegistered();
const dashboard = JSON.parse(readDocument('docs/grafana-dashboard.json').text) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const rules = readAlertRules('docs/prometheus-alerts.yml');

const isOurs = (name: string): boolean => name.startsWith('formvault_');
const namesIn = (text = ''): string[] => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '');

async function readRegistered(): Promise<Registered> {
  const metrics = createMetrics();
  metrics.watch({
    feedLagSeconds: () => 0,
    openIncidents: () => 0,
    isLeader: () => true,
    consecutiveFailures: () => ({ feed: 0, worker: 0, watchdog: 0, lease: 0, index: 0, audit: 0 }),
  });
  return parseExposition(await metrics.render());
}

/** What is wrong with an expression: names of series, labels and values that do not exist. */
function problemsOf(expression: string): string[] {
  const selectors = selectorsOf(expression);
  const labelsInReach = new Set([...OF_THE_TARGET, 'le']);
  const problems = selectors.flatMap(({ series, matchers }) => {
    const metric = registered.get(metricOf(series, registered) ?? '');
    if (metric === undefined && series !== 'up') return [`no series ${series}`];
    for (const label of metric?.labels.keys() ?? []) labelsInReach.add(label);
    return matchers.flatMap(({ label, values }) => {
      if (OF_THE_TARGET.includes(label)) return [];
      const known = metric?.labels.get(label);
      if (known === undefined) return [`${series} has no label ${label}`];
      return values.filter((value) => !known.has(value)).map((value) => `${series} has no ${label} ${value}`);
    });
  });
  const strange = groupingLabelsOf(expression).filter((label) => !labelsInReach.has(label));
  if (selectors.length === 0) problems.push('no series at all');
  return [...problems, ...strange.map((label) => `no label ${label} to group by`)];
}

/** The labels in a text that stand for values, where the expression does not leave them. */
function missingLabels(text: string, expression: string): string[] {
  const grouped = groupingLabelsOf(expression);
  const left = new Set(grouped.length > 0 ? grouped : OF_THE_TARGET);
  return [...text.matchAll(/\{\{ *(?:\$labels\.)?(\w+) *\}\}/g)]
    .map(([, label]) => label ?? '')
    .filter((label) => !left.has(label));
}

describe('docs/METRICS.md', () => {
  const rows = tableRows(sectionOf(page, "## Formvault's own"));
  const values = sectionOf(page, '## Values of the labels');

  test('lists the metrics with their kinds and labels', () => {
    const documented = rows.map(([name, kind, labels]) => [...namesIn(name), kind, ...namesIn(labels)]);
    const existing = [...registered]
      .filter(([name]) => isOurs(name))
      .map(([name, { kind, labels }]) => [name, kind, ...labels.keys()]);

    expect(documented.toSorted()).toEqual(existing.toSorted());
  });

  test('lists every value of every label', () => {
    const documented = [...values.matchAll(/^### (.+)$/gm)].flatMap(([heading, title]) => {
      const [label = '', ...metrics] = namesIn(title);
      const listed = tableRows(sectionOf(page, heading)).map(([value = '']) => value.replaceAll('`', ''));
      const all = label === 'code' ? Object.keys(FAILURES) : listed;
      return metrics.map((metric) => `${metric} ${label}: ${all.join(' ')}`);
    });
    const existing = [...registered]
      .filter(([name]) => isOurs(name))
      .flatMap(([name, { labels }]) => [...labels].map(([label, all]) => `${name} ${label}: ${[...all].join(' ')}`));

    expect(documented.toSorted()).toEqual(existing.toSorted());
  });

  test('lists the metrics of the process', () => {
    const section = tableRows(sectionOf(page, '## The process'));
    const documented = section.flatMap(([names]) => namesIn(names));
    const elsewhere = section
      .filter(([, meaning = '']) => meaning.includes('Linux') && process.platform !== 'linux')
      .flatMap(([names]) => namesIn(names));
    const existing = [...registered.keys()].filter((name) => !isOurs(name));

    expect(documented.filter((name) => !elsewhere.includes(name)).toSorted()).toEqual(existing.toSorted());
  });
});

describe('an expression', () => {
  test.each([
    ['formvault_changes_totals', 'no series formvault_changes_totals'],
    ['rate(formvault_change_duration_seconds[5m])', 'no series formvault_change_duration_seconds'],
    ['formvault_changes_total{result="new"}', 'formvault_changes_total has no label result'],
    ['formvault_changes_total{outcome=~"retry|lost"}', 'formvault_changes_total has no outcome lost'],
    ['sum by (job, outcome) (formvault_is_leader) == 0', 'no label outcome to group by'],
    ['avg_of(formvault_is_leader)', 'no series avg_of'],
    ['vector(1)', 'no series vector'],
  ])('%s is told to be wrong', (expression, problem) => {
    expect(problemsOf(expression)).toContain(problem);
  });

  test('that is right is told to be', () => {
    const expression =
      'histogram_quantile(0.9, sum by (le) (rate(formvault_change_duration_seconds_bucket{job=~"$job",outcome="retry"}[5m])))';

    expect(problemsOf(`${expression} > bool 1 and on (job) up == 1`)).toEqual([]);
  });
});

describe('docs/grafana-dashboard.json', () => {
  const targets = panels.flatMap(({ title, targets: all = [] }) => all.map((target) => ({ title, ...target })));

  test('asks only for what exists', () => {
    const strange = targets.flatMap(({ title, expr, legendFormat }) =>
      [...problemsOf(expr), ...missingLabels(legendFormat, expr)].map((problem) => `${title}: ${problem}`),
    );

    expect(targets.length).toBeGreaterThan(20);
    expect(strange).toEqual([]);
  });

  test("shows every metric of Formvault's own", () => {
    const shown = targets.flatMap(({ expr }) => selectorsOf(expr).map(({ series }) => metricOf(series, registered)));

    expect([...registered.keys()].filter((name) => isOurs(name) && !shown.includes(name))).toEqual([]);
  });

  test('asks only the job that was chosen', () => {
    const others = targets.filter(({ expr }) =>
      selectorsOf(expr).some(({ matchers }) => !matchers.some(({ values }) => values.includes('$job'))),
    );

    expect(others.map(({ title }) => title)).toEqual([]);
  });

  test('is imported without a question: its data source and its job are variables', () => {
    const variables = dashboard.templating.list;

    expect(dashboard).toMatchObject({ id: null, uid: 'formvault' });
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(variables.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['job', 'query'],
    ]);
    expect(problemsOf(variables[1]?.definition?.replace(', job)', ')') ?? '')).toEqual([]);
    expect(targets.filter(({ datasource }) => datasource.uid !== '$' + '{datasource}')).toEqual([]);
  });

  test('has a title, a description and a unit for each panel, and a place of its own', () => {
    const bare = panels.filter(
      ({ title, description, fieldConfig }) => !title || !description || !fieldConfig?.defaults.unit,
    );
    const places = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)}/${y + Math.floor(at / w)}`),
    );

    expect(bare.map(({ title }) => title)).toEqual([]);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(new Set(places).size).toBe(places.length);
  });
});

describe('docs/prometheus-alerts.yml', () => {
  test('has rules, each with a name of its own', () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  describe.each(rules.map((rule) => [rule.alert, rule] as const))('%s', (_name, rule) => {
    test('asks only for what exists', () => {
      expect(problemsOf(rule.expr)).toEqual([]);
    });

    test('says how bad it is, what it means and what to do', () => {
      expect(rule).toMatchObject({
        alert: expect.stringMatching(/^Formvault[A-Z]/),
        for: expect.stringMatching(/^\d+[smh]$/),
        labels: { severity: expect.stringMatching(/^(critical|warning)$/) },
        annotations: { summary: expect.any(String), description: expect.any(String), action: expect.any(String) },
      });
    });

    test('speaks only of labels that its result has, and of codes that exist', () => {
      const text = Object.values(rule.annotations).join('\n');
      const codes = Object.keys(FAILURES);
      const prefixes =
        /\b(?:ENGINE|VAULT|FORM_API|FORM|HISTORY|LOCK|LEADERSHIP|CONFIG|BUCKET|SUBMISSION|PRODUCT|SOURCE)_[A-Z_]+\b/g;

      expect(missingLabels(text, rule.expr)).toEqual([]);
      expect((text.match(prefixes) ?? []).filter((code) => !codes.includes(code))).toEqual([]);
    });
  });
});
