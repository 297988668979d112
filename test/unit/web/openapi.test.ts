import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { OPENAPI } from '../../../src/web/api/openapi.ts';
import { createHealth } from '../../../src/web/health.ts';
import { createHttpApp } from '../../../src/web/http-app.ts';
import { aKeptForm, stubCaseServices } from '../../support/builders-cases.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { CASE, FORM_KEY, sampleCases } from '../../support/sample-cases.ts';
import { aServer, ask } from './a-server.ts';

const KEY = encodeURIComponent(FORM_KEY);
const sample = sampleCases();
const forms = [...(sample.forms ?? []), aKeptForm({ caseId: CASE })];

type Path = keyof typeof OPENAPI.paths;

/** What a server with these cases answers. */
async function askOf(path: string, cases = stubCaseServices({ ...sample, forms })) {
  const { url } = await aServer({ cases }).start();
  const { status, text } = await ask(`${url}${path}`);
  return { status, body: JSON.parse(text) };
}

describe('the document of the API', () => {
  test('is served, in OpenAPI 3.1', async () => {
    const { status, body } = await askOf('/api/openapi.json');

    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(OPENAPI)));
    expect(body.openapi).toMatch(/^3\.1\./);
  });

  test('has each route of the API, and no other', async () => {
    const [health, metrics, log] = [createHealth(), createMetrics(), createRememberingLog()];
    const app = createHttpApp({ health, metrics, log, cases: stubCaseServices() });
    await app.ready();
    const tree = app.printRoutes({ commonPrefix: false });
    await app.close();
    const named = Object.keys(OPENAPI.paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':caseId'));

    expect(routesIn(tree).filter((path) => path.startsWith('/api/'))).toEqual(named.sort());
  });

  test('names the parameters that a path has', () => {
    for (const [path, { get }] of Object.entries(OPENAPI.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = 'parameters' in get ? get.parameters : [];
      expect(parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual(inPath);
    }
  });

  test('refers to schemas that it has, and has none that nothing refers to', () => {
    const referred = [...JSON.stringify(OPENAPI).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);

    expect([...new Set(referred)].sort()).toEqual(Object.keys(OPENAPI.components.schemas).sort());
  });

  test.each([
    ['/api/workflow/cases', '/api/workflow/cases', 200],
    ['/api/workflow/cases', '/api/workflow/cases?query=zebra', 200],
    ['/api/workflow/cases', '/api/workflow/cases?size=1000', 400],
    ['/api/workflow/cases/{businessKey}', `/api/workflow/cases/${CASE}`, 200],
    ['/api/workflow/cases/{businessKey}', '/api/workflow/cases/nobody', 404],
    ['/api/workflow/cases/{businessKey}/submission', `/api/workflow/cases/${CASE}/submission?key=${KEY}`, 200],
    ['/api/workflow/cases/{businessKey}/submission', `/api/workflow/cases/${CASE}/submission`, 400],
    ['/api/workflow/cases/{businessKey}/submission', `/api/workflow/cases/nobody/submission?key=${KEY}`, 404],
    ['/api/openapi.json', '/api/openapi.json', 200],
  ] as const)('%s describes what %s answers with status %d', async (path, url, status) => {
    const answer = await askOf(url);

    expect(answer.status).toBe(status);
    expect(problemsOf(path, status, answer.body)).toEqual([]);
  });

  test('describes an answer while the engine is away', async () => {
    const services = () => stubCaseServices({ ...sample, forms, away: ['engine'], ignored: ['from:x'] });

    const cases = await askOf('/api/workflow/cases', services());
    const one = await askOf(`/api/workflow/cases/${CASE}`, services());

    expect(one.body.metrics).toBeNull();
    expect(problemsOf('/api/workflow/cases', 200, cases.body)).toEqual([]);
    expect(problemsOf('/api/workflow/cases/{businessKey}', 200, one.body)).toEqual([]);
  });

  test('would not describe an answer of another shape', () => {
    const wrong = { businessKey: 7, processInstances: [{ id: 'x' }], metrics: null };

    expect(problemsOf('/api/workflow/cases/{businessKey}', 200, wrong)).not.toEqual([]);
  });
});

/** What is wrong with an answer by the schema of its path and status. */
function problemsOf(path: Path, status: 200 | 400 | 404, body: unknown): unknown[] {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  ajv.addVocabulary(['components']);
  const { responses } = OPENAPI.paths[path].get;
  const response = (responses as Record<number, { content: { 'application/json': { schema: object } } }>)[status];
  const schema = response?.content['application/json'].schema;
  const validate = ajv.compile({ ...schema, components: OPENAPI.components });
  validate(body);
  return validate.errors ?? [];
}

/** The paths of Fastify's picture of its routes. */
function routesIn(tree: string): string[] {
  const open: string[] = [];
  const paths = new Set<string>();
  for (const line of tree.split('\n')) {
    const found = /^([│├└─\s]*)(\S+)(?: \((.*)\))?/.exec(line);
    if (found === null) continue;
    const [, indent = '', segment = '', methods] = found;
    open.length = Math.max(0, indent.length / 4 - 1);
    const path = open.join('') + segment;
    open.push(segment);
    if (methods?.includes('GET')) paths.add(path);
  }
  return [...paths].sort();
}
