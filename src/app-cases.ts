/** Puts the case view together: what the pages and the API need, and what keeps the index fresh. */
import { randomUUID } from 'node:crypto';
import { createVisibility, EVERYTHING_VISIBLE } from './access/read-visible.ts';
import { createAuditLog } from './audit/audit-log.ts';
import { createAskEngine } from './cases/ask-engine.ts';
import type { EntryMaker } from './cases/entry-reader.ts';
import { createEnvironmentBuckets } from './cases/environment-buckets.ts';
import { findCases } from './cases/find-cases.ts';
import { createIndexKeeper } from './cases/index-keeper.ts';
import { createLivingIndex } from './cases/living-index.ts';
import { createReadAttachment } from './cases/read-attachment.ts';
import { readCase } from './cases/read-case.ts';
import type { StoredSubmission } from './cases/read-submission.ts';
import { readSubmission } from './cases/read-submission.ts';
import { reindex } from './cases/reindex.ts';
import { serveReindexRequests } from './cases/reindex-request.ts';
import type { Config } from './config.ts';
import { createEngineAccess } from './engine/engine-access.ts';
import { createEngineCases } from './engine/engine-cases.ts';
import { createEngineDefinitions } from './engine/engine-definitions.ts';
import { createEngineForms } from './engine/engine-forms.ts';
import { createFormDefinitions, type FormDefinitions } from './forms/find-definition.ts';
import { viewOfForm } from './forms/view-of-form.ts';
import { viewOfText } from './forms/view-of-text.ts';
import type { HttpClient } from './http/http-client.ts';
import { entryOf, isSubmissionKey } from './index/index-entry.ts';
import { openCaseIndex } from './index/open-case-index.ts';
import { parseCaseQuery } from './index/parse-query.ts';
import type { ObjectStore } from './object-store/object-store.ts';
import type { Log } from './observability/log.ts';
import { sessionCookie, stateCookie } from './sign-in/cookies.ts';
import { createSignIn } from './sign-in/sign-in.ts';
import { JsonSyntaxError, parseJsonTree } from './submission/json-tree.ts';
import type { CaseServices, SignIn } from './web/case-services.ts';

export type CasesPart = ReturnType<typeof createCasesPart>;

const REINDEX_READS = 32;
const MAKER: EntryMaker = { entryOf, isSubmissionKey };

export function createCasesPart(options: {
  config: Config;
  store: ObjectStore;
  engine: HttpClient;
  formApi: HttpClient | null;
  stateBucket: string;
  defaultBucket: string;
  log: Log;
}) {
  const { config, store, engine, formApi, stateBucket, defaultBucket, log } = options;
  const { databaseUrl, dataDir, access, signIn } = config.cases;
  const { environment, defaultProduct } = config.vault;
  const closing = new AbortController();
  const living = createLivingIndex({
    open: () => openCaseIndex({ databaseUrl, dataDir, log, signal: closing.signal }),
    log,
  });
  const { index } = living;
  const buckets = createEnvironmentBuckets({
    store,
    environment,
    defaultProduct,
    known: [defaultBucket, stateBucket],
    log,
  });
  const keeper = createIndexKeeper({ store, living, maker: MAKER, buckets, log });
  const audit = createAuditLog({ store, bucket: stateBucket, instanceId: randomUUID().slice(0, 8), log });
  const askEngine = createAskEngine({
    engine: createEngineCases(engine),
    log,
    isEngineThere: () => engine.gate?.isOpen() ?? true,
  });
  const visibility =
    signIn === null
      ? EVERYTHING_VISIBLE
      : createVisibility({ engine: createEngineAccess(engine), caseAccess: access, log });
  const definitions = createFormDefinitions({
    formApi,
    engine: createEngineForms(engine),
    definitions: createEngineDefinitions(engine),
  });
  const vault = { index, store };

  const services: CaseServices = {
    findCases: (search, visible, signal) =>
      findCases({ index, askEngine, parseQuery: parseCaseQuery }, search, visible, signal),
    readCase: (place, visible, signal) => readCase({ index, askEngine }, place, visible, signal),
    readSubmission: (place, visible, signal) => readSubmission(vault, place, visible, signal),
    readAttachment: createReadAttachment(vault),
    formViewOf: (stored, signal) => formViewOf(stored, definitions, log, signal),
    visibilityOf: (person, signal) => visibility.read(person, signal),
    mayOpen: (person, submission, signal) => visibility.check(person, submission, signal),
    audit: { record: (entry, signal) => audit.record(entry, signal) },
    signIn: signIn === null ? null : connectSignIn(signIn, log),
  };

  return {
    services,
    note: keeper.note,
    state: () => ({ index: keeper.state(), audit: audit.state() }),

    async run(signals: { stop: AbortSignal; abort: AbortSignal }): Promise<void> {
      const build = async (onProgress: Parameters<typeof reindex>[0]['onProgress'], signal: AbortSignal) => {
        const from = { store, index, maker: MAKER, concurrency: REINDEX_READS, onProgress };
        return reindex(from, await buckets.list(signal), signal);
      };
      const requests =
        databaseUrl === null ? serveReindexRequests({ dataDir, reindex: build, log }, signals.stop) : null;
      await Promise.all([keeper.run(signals), requests]);
    },

    /** After the web server: answers that are being given still need it. */
    async close(abort: AbortSignal): Promise<void> {
      await audit.stop(abort);
      closing.abort();
      await index.close();
    },
  };
}

function connectSignIn(settings: NonNullable<Config['cases']['signIn']>, log: Log): SignIn {
  return {
    ...createSignIn({ ...settings, log }),
    sessionCookie,
    stateCookie,
    signOutOrigins: [new URL(settings.issuer).origin],
  };
}

async function formViewOf(
  { submission, body }: StoredSubmission,
  definitions: FormDefinitions,
  log: Log,
  signal: AbortSignal,
): ReturnType<CaseServices['formViewOf']> {
  const text = Buffer.from(body).toString();
  const tree = parseTree(text);
  if (tree === null) return { view: viewOfText(submission.title ?? submission.formName, text), away: [] };
  const { formVersionId, formName, processDefinitionId, activityId, taskId, submittedAtMs, source } = submission;
  const kind = source?.startsWith('task/') ? 'task' : 'convention';
  const question = { formVersionId, formName, processDefinitionId, activityId, taskId, submittedAtMs, kind } as const;
  const found = await definitions.find(question, signal);
  if (found.kind === 'definition') return { view: viewOfForm(found.definition, tree), away: [] };
  if (found.kind === 'unavailable') {
    log.warn({ err: found.error, part: 'cases' }, 'a form is shown without its definition');
  }
  const away =
    found.kind === 'unavailable' ? [found.what === 'engine' ? ('engine' as const) : ('form-api' as const)] : [];
  return { view: viewOfForm(null, tree), away };
}

/** `null` for what is no JSON: an object of another system, under a key like ours. */
function parseTree(text: string) {
  try {
    return parseJsonTree(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return null;
    throw error;
  }
}
