/**
 * `make demo`: everything on one machine. Stays until Ctrl-C; with `--once` it checks what is in the vault and ends, with
 * `--pictures` it takes the pictures of the case view before that (`make pictures`).
 */
import { rm } from 'node:fs/promises';
import { setTimeout as timeout } from 'node:timers/promises';
import { createEngineCalls, type EngineCalls } from '../dev/clients/engine-calls.ts';
import { createVaultReader, type VaultReader } from '../dev/clients/vault-reader.ts';
import { newScratchDir } from '../dev/servers/cache.ts';
import { type RunningEngine, startEngine } from '../dev/servers/engine.ts';
import { type RunningFormvault, settingsFor, startFormvault } from '../dev/servers/formvault.ts';
import { findFreePort } from '../dev/servers/free-port.ts';
import { type RunningS3Server, startS3Server } from '../dev/servers/s3-server.ts';
import { casePageOf, showsAll } from './case-page.ts';
import { checkObjects, type KeptForm } from './check-objects.ts';
import { failAndMend } from './failure.ts';
import { type RunningFormApi, startFormApi } from './form-api.ts';
import { takePagePictures } from './pictures.ts';
import {
  BENEFIT_CLAIM,
  CASE_FOR_VISITOR,
  EMPLOYER_STATEMENT,
  PROCESS,
  prepareEngine,
  type SentForm,
  sendForms,
} from './story.ts';

const ENVIRONMENT = 'demo';
const KEPT_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 10;
/** What the form API knows; one more is published in the course of the demo. */
const CASE_TO_READ = 'BC-2026-0001';
const PUBLISHED = [BENEFIT_CLAIM, EMPLOYER_STATEMENT];

type Servers = {
  engine: RunningEngine;
  s3: RunningS3Server;
  formApi: RunningFormApi;
  formvault: RunningFormvault;
  settings: Record<string, string>;
  /** Of pages, health and metrics. */
  pagesUrl: string;
};

const wantsPictures = process.argv.includes('--pictures');
const once = wantsPictures || process.argv.includes('--once');
const interrupted = new AbortController();
process.on('SIGINT', () => interrupted.abort()).on('SIGTERM', () => interrupted.abort());

const started: { stop(): Promise<void> }[] = [];
try {
  process.exitCode = await runDemo(interrupted.signal);
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = once ? 1 : 0;
  else {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
} finally {
  if (started.length > 0) console.log('stopping …');
  // Formvault, the last one started, goes first: it still talks to the others while it stops.
  await started.pop()?.stop();
  await Promise.all(started.map((server) => server.stop()));
}

async function runDemo(signal: AbortSignal): Promise<number> {
  const servers = await startServers(signal);
  const engine = createEngineCalls(servers.engine.url);
  const vault = createVaultReader(servers.s3);
  await prepareEngine(engine);
  const kept = await sendAndWatch(engine, vault, signal);
  if (!(await mendAndWatch(engine, vault, kept, signal))) kept.missing++;
  const casePage = casePageOf(servers.pagesUrl, CASE_TO_READ);
  const isShown = await showsAll(casePage, titlesOf(CASE_TO_READ, kept.arrived), signal);
  if (once) {
    console.log('\nWhat is in the vault now:');
    const failed = (await checkObjects(vault, kept.arrived)) + (isShown ? 0 : 1);
    console.log(`${isShown ? '  ok     ' : '  FAILED '} the case page ${casePage} shows its forms`);
    const toShow = kept.arrived.find(({ sent }) => sent.caseId === CASE_TO_READ);
    if (wantsPictures && toShow !== undefined) {
      console.log('\ntaking the pictures of docs/images …');
      await takePagePictures({ ...servers, caseId: CASE_TO_READ, key: toShow.key });
    }
    const complete = failed === 0 && kept.missing === 0;
    console.log(complete ? 'the demo went well' : `the demo failed: ${failed} checks, ${kept.missing} forms not kept`);
    return complete ? 0 : 1;
  }
  const visit = await engine.start(PROCESS, { businessKey: CASE_FOR_VISITOR });
  await engine.assign((await engine.task(visit.id)).id, 'demo');
  inviteVisitor(servers, casePage);
  await showArrivals(vault, servers, signal);
  return 0;
}

async function startServers(signal: AbortSignal): Promise<Servers> {
  console.log('starting the engine, the S3 server and a form API …');
  const formApi = await startFormApi({ forms: PUBLISHED });
  started.push(formApi);
  const remember = <T extends { stop(): Promise<void> }>(server: T): T => {
    started.push(server);
    return server;
  };
  const [engine, s3] = await Promise.all([
    startEngine({}, signal).then(remember),
    startS3Server({}, signal).then(remember),
  ]);
  console.log('starting Formvault …');
  const port = String(await findFreePort());
  const dataDir = newScratchDir('demo-data');
  started.push({ stop: () => rm(dataDir, { recursive: true, force: true }) });
  const settings = {
    ENVIRONMENT,
    ...settingsFor({ engineUrl: engine.url, s3 }),
    FORM_API_URL: formApi.url,
    FEED_START: 'now',
    FEED_LEASE_SECONDS: '5',
    PORT: port,
    DATA_DIR: dataDir,
  };
  const formvault = await startFormvault(settings, {}, signal);
  started.push(formvault);
  return { engine, s3, formApi, formvault, settings, pagesUrl: `http://127.0.0.1:${port}` };
}

/** Whether what failed first is in the vault in the end. */
async function mendAndWatch(
  engine: EngineCalls,
  vault: VaultReader,
  { arrived }: { arrived: KeptForm[] },
  signal: AbortSignal,
): Promise<boolean> {
  const sent = await failAndMend(engine, PUBLISHED, ENVIRONMENT, (line) => console.log(line));
  if (sent === null) {
    console.log('  no incident appeared');
    return false;
  }
  const pressedAt = performance.now();
  const key = await findObject(vault, sent, signal);
  if (key === null) {
    console.log(`  not in the vault after ${KEPT_WITHIN_MS / 1000} s`);
    return false;
  }
  console.log(`  in the vault after ${Math.round(performance.now() - pressedAt)} ms: ${sent.bucket}/${key}`);
  arrived.push({ sent, key });
  return true;
}

async function sendAndWatch(
  engine: EngineCalls,
  vault: VaultReader,
  signal: AbortSignal,
): Promise<{ arrived: KeptForm[]; missing: number }> {
  const arrived: KeptForm[] = [];
  let missing = 0;
  for await (const sent of sendForms(engine, ENVIRONMENT)) {
    const answeredAt = performance.now();
    console.log(`\n${sent.who} ${sent.did} (case ${sent.caseId})`);
    const key = await findObject(vault, sent, signal);
    if (key === null) {
      missing++;
      console.log(`  not in the vault after ${KEPT_WITHIN_MS / 1000} s`);
      continue;
    }
    console.log(`  in the vault after ${Math.round(performance.now() - answeredAt)} ms: ${sent.bucket}/${key}`);
    arrived.push({ sent, key });
  }
  return { arrived, missing };
}

/** Looks until the object can be read; each case of the demo has every form only once. */
async function findObject(vault: VaultReader, sent: SentForm, signal: AbortSignal): Promise<string | null> {
  const deadline = performance.now() + KEPT_WITHIN_MS;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    const keys = await vault.list(sent.bucket, `${sent.caseId}/${sent.formName}/`);
    const key = keys.find((candidate) => !candidate.includes('/attachments/'));
    if (key !== undefined) {
      await vault.read(sent.bucket, key);
      return key;
    }
    await timeout(LOOK_EVERY_MS);
  }
  return null;
}

/** What the case page calls the forms of a case. */
function titlesOf(caseId: string, arrived: readonly KeptForm[]): string[] {
  const ofCase = arrived.filter(({ sent }) => sent.caseId === caseId);
  return ofCase.map(({ sent }) => (sent.form?.title ?? sent.formName).replaceAll("'", '&#39;'));
}

function inviteVisitor({ engine, s3, formvault, pagesUrl }: Servers, casePage: string): void {
  const list = `curl --user ${s3.accessKeyId}:${s3.secretAccessKey} --aws-sigv4 aws:amz:${s3.region}:s3`;
  console.log(`
Now it is your turn: the case ${CASE_FOR_VISITOR} waits for you.

  Tasklist   ${engine.webappUrl}/app/tasklist/   user demo, password demo
  Cockpit    ${engine.webappUrl}/app/cockpit/    user demo, password demo
  S3         ${s3.endpoint}   key ${s3.accessKeyId}, secret ${s3.secretAccessKey}, region ${s3.region}
  a listing  ${list} '${s3.endpoint}/${ENVIRONMENT}-benefit-claims?list-type=2'
  log        ${formvault.logFile}

Complete a task in Tasklist and its form appears here, and in the case view. Ctrl-C ends the demo.

  all cases  ${pagesUrl}/cases
  read the forms of the case ${CASE_TO_READ}: ${casePage}
`);
}

async function showArrivals(vault: VaultReader, { formvault }: Servers, signal: AbortSignal): Promise<void> {
  const buckets = ['cop-case', 'benefit-claims', 'benefit-decisions'].map((product) => `${ENVIRONMENT}-${product}`);
  const listAll = async (): Promise<string[]> =>
    (
      await Promise.all(buckets.map(async (bucket) => (await vault.list(bucket)).map((key) => `${bucket}/${key}`)))
    ).flat();
  const seen = new Set(await listAll());
  let running = true;
  void formvault.exited.then(() => {
    running = false;
  });
  while (!signal.aborted) {
    if (!running) throw new Error(`Formvault has ended:\n${formvault.logs().split('\n').slice(-10).join('\n')}`);
    for (const name of await listAll()) {
      if (seen.has(name)) continue;
      seen.add(name);
      console.log(`${new Date().toLocaleTimeString('en-GB')}  ${name}`);
    }
    await timeout(500, undefined, { signal }).catch(() => undefined);
  }
}
