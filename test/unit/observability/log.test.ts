import { expect, test } from '@jest/globals';
import { AxiosError, AxiosHeaders } from 'axios';
import { FormvaultError } from '../../../src/errors.ts';
import { createLog, type LogLevel } from '../../../src/observability/log.ts';
import type { LogFields } from '../../../src/observability/log-fields.ts';

function aLog(level: LogLevel = 'info') {
  const lines: string[] = [];
  const log = createLog({ level, destination: { write: (line) => lines.push(line) } });
  return { log, lines, read: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

function anAxiosError(): AxiosError {
  const config = {
    headers: new AxiosHeaders({ Authorization: 'Basic tiger' }),
    auth: { username: 'scott', password: 'tiger' },
    data: '{"name":"Mrs Smith"}',
  };
  const response = { status: 400, statusText: '', headers: {}, config, data: 'Mrs Smith' };
  return new AxiosError('Request failed with status code 400', 'ERR_BAD_REQUEST', config, {}, response);
}

test('a line has level, time, sentence and fields', () => {
  const { log, read } = aLog();
  log.info({ source: 'detail/4711', outcome: 'persisted', durationMs: 12, tenantId: null }, 'submission persisted');

  expect(read()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      source: 'detail/4711',
      outcome: 'persisted',
      durationMs: 12,
      tenantId: null,
      msg: 'submission persisted',
    },
  ]);
});

test('lines below the level are left out', () => {
  const { log, read } = aLog('warn');
  log.info({}, 'quiet');
  log.warn({}, 'loud');

  expect(read().map(({ msg }) => msg)).toEqual(['loud']);
});

test('a field that is not in the table is dropped, and so is a value of another kind', () => {
  const { log, lines, read } = aLog();
  const bent = {
    source: 'task/1',
    answers: { name: 'Mrs Smith' },
    submittedBy: 'smith@example.org',
    businessKey: 'Smith',
    form: { data: 'Mrs Smith' },
    rows: 'Mrs Smith',
    problems: ['fine', { name: 'Mrs Smith' }],
    __proto__: { bucket: 7 },
  };
  log.info(bent as unknown as LogFields, 'bent');

  expect(lines.join()).not.toMatch(/Smith/i);
  expect(Object.keys(read()[0] ?? {})).toEqual(['level', 'time', 'source', 'msg']);
});

test('an error is logged with code, message, context, stack and causes, without what a library hung on it', () => {
  const { log, lines, read } = aLog();
  const cause = anAxiosError();
  const err = new FormvaultError('ENGINE_REJECTED', 'could not read the tasks', { cause, context: { status: 400 } });
  log.error({ err }, 'reading failed');

  expect(read()[0]?.err).toEqual({
    code: 'ENGINE_REJECTED',
    message: 'could not read the tasks',
    context: { status: 400 },
    hint: err.hint,
    stack: expect.stringMatching(/^FormvaultError ENGINE_REJECTED: could not read the tasks\n +at /),
    causes: [
      {
        code: 'ERR_BAD_REQUEST',
        message: 'Request failed with status code 400',
        stack: expect.stringMatching(/^AxiosError ERR_BAD_REQUEST: Request failed with status code 400\n +at /),
      },
    ],
  });
  expect(lines.join()).not.toMatch(/tiger|scott|Smith|Authorization/i);
});

test('an error that is bare, or no error at all, is logged too', () => {
  const { log, lines, read } = aLog();
  log.error({ err: anAxiosError() }, 'bare');
  log.error({ err: 'Mrs Smith' }, 'thrown text');
  log.error({ err: { message: 'half an error', password: 'tiger' } }, 'thrown object');
  log.error({ err: null }, 'thrown null');

  expect(read().map(({ err }) => (err as { message: string }).message)).toEqual([
    'Request failed with status code 400',
    'a thrown string',
    'half an error',
    'no error',
  ]);
  expect(lines.join()).not.toMatch(/tiger|Smith/i);
});
