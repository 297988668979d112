import { expect, test } from '@jest/globals';
import { addParts } from '../../src/app-health.ts';
import { EXIT } from '../../src/commands/serve.ts';
import { type Disposition, FAILURES, type FailureCode, FormvaultError } from '../../src/errors.ts';
import { createFeedStatus } from '../../src/feed/feed-status.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import { incidentMessage } from '../../src/incidents/incident-message.ts';
import { errorText } from '../../src/observability/error-text.ts';
import { LOG_FIELDS } from '../../src/observability/log-fields.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createOutages, isOutage } from '../../src/pipeline/outages.ts';
import {
  bucketName,
  encodeMetadata,
  FEED_STATE_KEY,
  submissionKey,
  suffixedKey,
} from '../../src/vault/object-layout.ts';
import { createHealth } from '../../src/web/health.ts';
import { codeBlocks, readDocument, readSources, sectionOf, tableRows } from './documents.ts';

const errors = readDocument('docs/ERRORS.md');
const log = readDocument('docs/LOG.md');
const metrics = readDocument('docs/METRICS.md');
const operations = readDocument('docs/OPERATIONS.md');
const storage = readDocument('docs/STORAGE.md');
const sources = [...readSources('src').values()].join('\n');

test('docs/ERRORS.md lists every code with its meaning and its hint, in the order of the table', () => {
  const rows = tableRows(sectionOf(errors, '## All codes')).map(([code, meaning, , hint]) => [code, meaning, hint]);

  expect(rows).toEqual(Object.entries(FAILURES).map(([code, { meaning, hint }]) => [`\`${code}\``, meaning, hint]));
});

test('docs/ERRORS.md says of every code what Formvault does', () => {
  const words: Record<Disposition, string> = {
    crash: 'ends',
    retry: 'tries again',
    incident: 'incident at once',
    discard: 'goes on',
    'step-down': 'goes on',
    interrupt: 'goes on',
  };
  const rows = tableRows(sectionOf(errors, '## All codes')).map(([code, , formvault]) => [code, formvault]);

  expect(rows).toEqual(
    Object.entries(FAILURES).map(([code, { disposition }]) => [
      `\`${code}\``,
      expect.stringMatching(new RegExp(`^${words[disposition]}`)),
    ]),
  );
});

test('docs/ERRORS.md says of every code where it stands, and which incidents Formvault retries by itself', () => {
  const rows = tableRows(sectionOf(errors, '## Where each stands'));
  const endsByItself = (code: FailureCode): boolean => isOutage(code) && !/^(ENGINE|INDEX)_/.test(code);

  expect(rows.map(([code]) => code)).toEqual(Object.keys(FAILURES).map((code) => `\`${code}\``));
  expect(rows.map(([, , , retried]) => retried?.startsWith('yes'))).toEqual(
    (Object.keys(FAILURES) as FailureCode[]).map(endsByItself),
  );
});

test('docs/OPERATIONS.md has a section for each code: what it means, what to do, how to see that it is over', () => {
  const playBook = sectionOf(operations, '## Play-book');
  const headings = [...playBook.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);

  expect(headings).toEqual(Object.keys(FAILURES));
  for (const code of Object.keys(FAILURES)) {
    const labels = [...sectionOf(operations, `### ${code}`).matchAll(/^\*\*(.+?)\.\*\*/gm)].map(([, label]) => label);
    expect([code, ...labels]).toEqual([code, 'Means', 'Do', 'Over']);
  }
});

test('docs/OPERATIONS.md shows an incident as Formvault writes it', () => {
  const cause = Object.assign(new Error('S3 gave no answer'), { code: 'ECONNREFUSED', stack: '' });
  const error = new FormvaultError('VAULT_UNAVAILABLE', 'could not write an object', {
    cause,
    context: { bucket: 'dev-cop-case' },
  });
  const texts = codeBlocks(operations).map(({ code }) => code.trim());
  const withoutFrames = (text: string): string => text.replace(/^ {4}at .*\n?/gm, '').trim();

  expect(texts).toContain(incidentMessage(error, { form: 'site-visit', caseId: 'CASE-1' }));
  expect(texts.map(withoutFrames)).toContain(withoutFrames(errorText(error)));
});

test('docs/METRICS.md shows the answer of /health/ready, and explains each part', async () => {
  const health = createHealth();
  const outages = createOutages({
    limit: 0,
    onRecovered: () => undefined,
    onStandStill: () => undefined,
    onGoesOn: () => undefined,
  });
  const worker = { lastPollMs: performance.now(), failures: 0, watchdogFailures: 0, openIncidents: 50 };
  addParts(health, createMetrics(), {
    engine: { gate: { isOpen: () => true, failures: () => 0 } } as HttpClient,
    outages,
    feed: { ...createFeedStatus(), state: 'leading', readMs: performance.now(), lagSeconds: () => 94.25 },
    worker: () => ({ state: () => worker }),
    hasWorker: true,
    cases: {
      state: () => ({ index: { state: 'fresh', waiting: 0, failures: 0 }, audit: { failures: 0 } }),
    },
    neededBuckets: ['dev-cop-case'],
  });
  const stopped = new AbortController();
  const held = outages.decide({ code: 'VAULT_UNAVAILABLE', target: 'dev-cop-case' }, stopped.signal);
  const { vault, ...others } = health.ready().body.parts;
  stopped.abort();
  await held;
  const example = codeBlocks(metrics).find(({ code }) => code.startsWith('{\n  "status"'))?.code ?? '{}';
  const { status, parts } = JSON.parse(example);

  expect(status).toBe('failing');
  expect(parts).toEqual({ ...others, vault: { ...vault, ok: false, state: 'failing', failing: 'dev-cop-case' } });
  expect(tableRows(sectionOf(metrics, '# Health and metrics')).map(([part]) => part)).toEqual(
    expect.arrayContaining(Object.keys(parts).map((part) => `\`${part}\``)),
  );
});

test('docs/OPERATIONS.md lists the exit codes', () => {
  const rows = tableRows(sectionOf(operations, '## Start and stop')).map(([first]) => first);

  expect(rows.filter((cell) => /^\d+$/.test(cell ?? '')).map(Number)).toEqual(Object.values(EXIT));
});

test('docs/LOG.md names only log fields that exist', () => {
  const named = tableRows(sectionOf(log, '# The log'))
    .filter((row) => row.length === 2)
    .flatMap(([fields = '']) => fields.replaceAll('`', '').split(', '));

  expect(named).toContain('outcome');
  expect(named.filter((name) => !(name in LOG_FIELDS))).toEqual([]);
});

test('the log examples have only fields and sentences that Formvault writes', () => {
  const examples = [log, operations, readDocument('README.md')].flatMap(codeBlocks).flatMap(({ code }) =>
    code
      .split('\n')
      .filter((line) => line.startsWith('{"level"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  );

  expect(examples).not.toEqual([]);
  for (const { level: _, time: __, msg, ...fields } of examples) {
    expect(Object.keys(fields).filter((name) => !(name in LOG_FIELDS))).toEqual([]);
    expect(sources).toContain(`'${msg}'`);
  }
});

test('docs/LOG.md explains only log lines that Formvault writes, with their level', () => {
  const rows = tableRows(sectionOf(log, '# The log')).filter(([, level]) =>
    /^(info|warn|error|fatal)$/.test(level ?? ''),
  );

  expect(rows).not.toEqual([]);
  for (const [sentence = '', level = ''] of rows) {
    const text = sentence.replaceAll('`', '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    expect(sources).toMatch(new RegExp(`log\\.${level}\\([^;]*'${text}'`));
  }
});

test('docs/LOG.md explains every line of level warn and above', () => {
  const written = [...sources.matchAll(/\blog\.(?:warn|error|fatal)\((?:(?!\blog\.)[^;])*?'([^'\n]+)',?\s*\)/g)].map(
    ([, sentence]) => sentence,
  );
  const explained = tableRows(sectionOf(log, '# The log')).map(([sentence = '']) => sentence.replaceAll('`', ''));

  expect(written.length).toBe([...sources.matchAll(/\blog\.(?:warn|error|fatal)\(/g)].length);
  expect([...new Set(written)].filter((sentence) => !explained.includes(sentence ?? ''))).toEqual([]);
});

test('docs/STORAGE.md lists the names of the metadata in their order', () => {
  const everything = encodeMetadata({
    processInstanceId: 'i',
    processDefinitionId: 'd',
    formId: 'f',
    formVersionId: 'v',
    name: 'n',
    title: 't',
    submittedBy: 's',
    submissionDate: '2024-02-29',
    businessKey: 'b',
    digest: 'c',
    source: 'task/1',
    taskId: '1',
    activityId: 'a',
    tenantId: 't',
  });
  const names = tableRows(sectionOf(storage, '## Metadata')).map(([name]) => name);

  expect(names).toEqual(Object.keys(everything).map((name) => `\`${name}\``));
});

test('docs/STORAGE.md shows the keys that Formvault makes', () => {
  const place = {
    tenantId: null,
    caseId: 'CASE-1',
    formName: 'site-visit',
    submittedBy: 'anna@example.com',
    submittedAtMs: Date.parse('2024-02-29T08:05:09Z'),
  };
  const keys = [
    submissionKey(place),
    submissionKey({ ...place, submittedAtMs: Date.parse('2024-02-29T23:30:00-05:00') }),
    submissionKey({ ...place, tenantId: 'north' }),
    submissionKey({ ...place, formName: 'forms/site.html' }),
    submissionKey({ ...place, caseId: '../../x' }),
    submissionKey({ ...place, formName: '..' }),
    submissionKey({ ...place, submittedBy: ' Größe 100% ' }),
    submissionKey({ ...place, caseId: 'tenants' }),
    suffixedKey(submissionKey(place), 'c0ffee12'.repeat(8)),
  ];

  expect(tableRows(sectionOf(storage, '## Key')).map(([, key]) => key)).toEqual(keys.map((key) => `\`${key}\``));
  expect(bucketName('prod', 'cop-case')).toEqual({ bucket: 'prod-cop-case' });
});

test("docs/STORAGE.md lists Formvault's own objects", () => {
  const keys = tableRows(sectionOf(storage, "## Formvault's own objects")).map(([key = '']) => key.replaceAll('`', ''));

  expect(keys).toContain(FEED_STATE_KEY);
  for (const key of keys) expect(sources).toContain(`'${key}'`);
});
