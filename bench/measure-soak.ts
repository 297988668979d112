/**
 * Half an hour with faults: forms come steadily while S3 and the form API go away and come back, and one Formvault lives through
 * all of it. Then everything works, and everything must be kept once.
 */
import { type RunningFormApi, startFormApi } from '../demo/form-api.ts';
import { pause } from '../src/time/pause.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { bucketOf, startFormvault } from './formvault-process.ts';
import { createOwnTasks, untilSo } from './own-tasks.ts';
import { memoryMb } from './process-usage.ts';
import { scrape } from './scrape.ts';
import { type Servers, withServers } from './servers.ts';
import { FORM_NAME, plainVariables, siteVisitJson, VARIABLE_NAME } from './site-visit.ts';
import { drawFaults, type FaultTarget, type Shares } from './soak-faults.ts';
import { median, poissonGaps, slope } from './statistics.ts';

export type SoakResult = {
  minutes: number;
  perSecond: number;
  forms: number;
  /** Periods in which something was refused or slow. */
  faults: { refused: number; slow: number; seconds: number };
  handedOver: number;
  incidentsRaised: number;
  mostOpenIncidents: number;
  longestLagSeconds: number;
  memory: SoakMemory;
  /** After the last fault, until everything was kept and no incident stood. */
  secondsToClean: number;
  missing: number;
  /** Objects beside one for each form. */
  extra: number;
  incidentsLeft: number;
};

/** The resident set, in MB. */
export type SoakMemory = {
  early: number;
  middle: number;
  most: number;
  atEnd: number;
  slopePerHour: number;
  mostHeap: number;
  /** Minutes after the start: of `early`, and from where on the slope counts. */
  earlyMinute: number;
  slopeFromMinute: number;
};

type Sample = { minute: number; rssMb: number; heapMb: number; openIncidents: number; lagSeconds: number };

const PER_SECOND = 5;
const SEED = 20_260_115;
/** Many, because Formvault asks for one of them once a minute at the most. */
const FORM_NAMES = Array.from({ length: 40 }, (_, index) => `${FORM_NAME}-${index}`);
const SAMPLE_EVERY_MS = 10_000;
const TELL_EVERY_MS = 60_000;
const CLEAN_WITHIN_MS = 900_000;
const LOOK_EVERY_MS = 1_000;
const EARLY_MINUTES = 5;
const SLOPE_MINUTES = 20;
const QUICK_SHARES: Shares = { ofGaps: 1 / 6, ofFaults: 1 / 2 };
const FULL_SHARES: Shares = { ofGaps: 1, ofFaults: 1 };
/** Shorter than by default, so that the longer ones of the faults end in incidents. */
const RETRY_SECONDS = '2,5';
const ENGINE_HEAP_MB = 2_048;
const ENVIRONMENT = 'bench-soak';

export async function measureSoak(
  { minutes, isQuick }: { minutes: number; isQuick: boolean },
  signal: AbortSignal,
): Promise<SoakResult> {
  return withServers(
    signal,
    async (servers) => {
      const forms = [FORM_NAME, ...FORM_NAMES].map((name) => ({
        id: `id-${name}`,
        versionId: `version-${name}`,
        name,
        title: name,
      }));
      const formApi = await startFormApi({ forms });
      const proxies = await startProxies(servers, formApi);
      try {
        return await soak(servers, proxies, { minutes, shares: isQuick ? QUICK_SHARES : FULL_SHARES });
      } finally {
        for (const proxy of Object.values(proxies)) proxy.close();
        await formApi.stop();
      }
    },
    { heapMb: ENGINE_HEAP_MB },
  );
}

type Proxies = Record<FaultTarget, FaultProxy>;

async function startProxies({ s3 }: Servers, formApi: RunningFormApi): Promise<Proxies> {
  return { S3: await startFaultProxy(s3.endpoint), 'form API': await startFaultProxy(formApi.url) };
}

async function soak(
  servers: Servers,
  proxies: Proxies,
  { minutes, shares }: { minutes: number; shares: Shares },
): Promise<SoakResult> {
  const { signal } = servers;
  const bucket = bucketOf(ENVIRONMENT);
  await servers.createBucket(bucket);
  const formvault = await startFormvault(servers, {
    name: ENVIRONMENT,
    environment: ENVIRONMENT,
    until: 'leading',
    settings: { S3_ENDPOINT: proxies.S3.url, FORM_API_URL: proxies['form API'].url, RETRY_SECONDS },
  });
  const startedMs = performance.now();
  const minuteNow = (): number => (performance.now() - startedMs) / 60_000;
  const samples: Sample[] = [];
  const read = async (): Promise<Sample> => {
    const metrics = await scrape(formvault.url, signal);
    return {
      minute: minuteNow(),
      rssMb: memoryMb(formvault.pid),
      heapMb: metrics.sum('nodejs_heap_size_used_bytes') / 2 ** 20,
      openIncidents: metrics.sum('formvault_open_incidents'),
      lagSeconds: metrics.sum('formvault_feed_lag_seconds'),
    };
  };

  const ended = new AbortController();
  try {
    const during = AbortSignal.any([signal, ended.signal]);
    const sampling = (async () => {
      for (let toldMs = startedMs; !during.aborted; ) {
        samples.push(await read());
        if (performance.now() - toldMs >= TELL_EVERY_MS) {
          toldMs += TELL_EVERY_MS;
          console.error(describe(samples.at(-1)));
        }
        await pause(SAMPLE_EVERY_MS, during);
      }
    })();
    sampling.catch((error) => ended.abort(error)); // thrown below
    const faulty = new AbortController();
    const faulting = makeFaults(proxies, shares, AbortSignal.any([during, faulty.signal]));
    const cases = await submitForms(servers, minutes * 60_000, during);
    faulty.abort();
    const faults = await faulting;
    const { missing, extra, incidentsLeft, seconds } = await untilClean(servers, bucket, cases, during);
    ended.abort();
    await sampling;
    samples.push(await read());

    const metrics = await scrape(formvault.url, signal);
    return {
      minutes,
      perSecond: PER_SECOND,
      forms: cases.length,
      faults,
      handedOver: metrics.sum('formvault_changes_total', { outcome: 'handed_over' }),
      incidentsRaised: metrics.sum('formvault_incidents_total'),
      mostOpenIncidents: mostOf(samples.map(({ openIncidents }) => openIncidents)),
      longestLagSeconds: mostOf(samples.map(({ lagSeconds }) => lagSeconds)),
      memory: describeMemory(samples, minutes),
      secondsToClean: seconds,
      missing,
      extra,
      incidentsLeft,
    };
  } finally {
    ended.abort();
    await formvault.stop();
  }
}

/** The cases of the forms, one for each. */
async function submitForms({ load }: Servers, forMs: number, signal: AbortSignal): Promise<string[]> {
  const gaps = poissonGaps(PER_SECOND, SEED);
  const cases: string[] = [];
  const submitted: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let dueMs = startedMs; ; ) {
    dueMs += gaps.next().value;
    if (dueMs > startedMs + forMs) break;
    await pause(Math.max(0, dueMs - performance.now()), signal);
    signal.throwIfAborted();
    const number = cases.length;
    const businessKey = `soak-${String(number).padStart(6, '0')}`;
    // By turns in a Json variable without ids, which the form API knows, and in the fields of the task's own form.
    const variables = number % 2 === 0 ? variablesWithoutIds(number) : plainVariables(number);
    const submission = load.submit('bench_form', businessKey, variables);
    submission.catch(() => undefined); // thrown below
    submitted.push(submission);
    cases.push(businessKey);
  }
  await Promise.all(submitted);
  return cases;
}

function variablesWithoutIds(number: number): string {
  const { form, ...answers } = JSON.parse(siteVisitJson(number));
  const { submittedBy, submissionDate } = form;
  const name = FORM_NAMES[(number / 2) % FORM_NAMES.length];
  const value = JSON.stringify({ ...answers, form: { name, submittedBy, submissionDate } });
  return JSON.stringify({ variables: { [VARIABLE_NAME]: { type: 'Json', value } } });
}

async function makeFaults(proxies: Proxies, shares: Shares, signal: AbortSignal): Promise<SoakResult['faults']> {
  const made = { refused: 0, slow: 0, seconds: 0 };
  for (const { afterMs, lastsMs, targets, delayMs } of drawFaults(SEED, shares)) {
    await pause(afterMs, signal);
    if (signal.aborted) break;
    const beganMs = performance.now();
    for (const target of targets) {
      if (delayMs === null) proxies[target].refuse();
      else proxies[target].delay(delayMs);
    }
    made[delayMs === null ? 'refused' : 'slow']++;
    await pause(lastsMs, signal);
    for (const target of targets) proxies[target].pass();
    made.seconds += (performance.now() - beganMs) / 1000;
  }
  return made;
}

async function untilClean({ engine, vault }: Servers, bucket: string, cases: string[], signal: AbortSignal) {
  const tasks = createOwnTasks(engine.url);
  const startedMs = performance.now();
  const look = async () => {
    const [objects, incidentsLeft, tasksLeft] = await Promise.all([
      vault.listKeys(bucket),
      tasks.incidents(),
      tasks.tasks(),
    ]);
    const kept = [...objects].filter((key) => !key.startsWith('.formvault/'));
    const byCase = new Set(kept.map((key) => key.slice(0, key.indexOf('/'))));
    const missing = cases.filter((each) => !byCase.has(each)).length;
    return { missing, extra: kept.length - (cases.length - missing), incidentsLeft, tasksLeft };
  };
  let last = await look();
  const isClean = async (): Promise<boolean> => {
    last = await look();
    return last.missing === 0 && last.incidentsLeft === 0 && last.tasksLeft === 0;
  };
  await untilSo('everything is kept', isClean, {
    withinMs: CLEAN_WITHIN_MS,
    everyMs: LOOK_EVERY_MS,
    signal,
  }).catch((error) => {
    signal.throwIfAborted();
    console.error(`soak: ${error.message}`);
  });
  return { ...last, seconds: (performance.now() - startedMs) / 1000 };
}

function describeMemory(samples: Sample[], minutes: number): SoakMemory {
  const earlyMinute = Math.min(EARLY_MINUTES, minutes / 3);
  const slopeFromMinute = Math.max(earlyMinute, minutes - SLOPE_MINUTES);
  const loaded = samples.filter(({ minute }) => minute <= minutes);
  const late = loaded.filter(({ minute }) => minute >= slopeFromMinute);
  const rss = loaded.map(({ rssMb }) => rssMb);
  return {
    early: loaded.find(({ minute }) => minute >= earlyMinute)?.rssMb ?? Number.NaN,
    middle: median(rss),
    most: Math.max(...rss),
    atEnd: rss.at(-1) ?? Number.NaN,
    slopePerHour: slope(late.map(({ minute, rssMb }) => ({ x: minute / 60, y: rssMb }))),
    mostHeap: Math.max(...loaded.map(({ heapMb }) => heapMb)),
    earlyMinute,
    slopeFromMinute,
  };
}

function mostOf(values: number[]): number {
  return Math.max(0, ...values.filter(Number.isFinite));
}

function describe(sample: Sample | undefined): string {
  if (sample === undefined) return 'soak: no sample yet';
  const { minute, rssMb, heapMb, openIncidents, lagSeconds } = sample;
  return `soak: minute ${minute.toFixed(0)}, ${rssMb.toFixed(0)} MB (heap ${heapMb.toFixed(0)}), ${openIncidents} open incidents, lag ${lagSeconds.toFixed(1)} s`;
}
