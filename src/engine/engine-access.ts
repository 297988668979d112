/**
 * Who may see what, as the engine knows it: authorizations of process instances, and members of tenants.
 *
 * The engine does not refuse what its caller may not see: it answers with an empty list, by which everything would look open to
 * everybody. So it is asked as well whether our own user may see authorizations at all.
 *
 * Nobody waits long for an answer, also where requests queue behind an engine that is away: a person is waiting for a page.
 * Errors: ENGINE_UNAVAILABLE, ENGINE_REJECTED.
 */
import { FormvaultError, failureCodeOf } from '../errors.ts';
import type { HttpAnswer, HttpClient } from '../http/http-client.ts';
import { parseRows, text } from './history-rows.ts';

/** An entry about one process instance. */
export type InstanceAuthorization = {
  processInstanceId: string;
  kind: 'global' | 'grant' | 'revoke';
  userId: string | null;
  groupId: string | null;
  /** READ or ALL is among the permissions that it gives or takes. */
  isAboutReading: boolean;
};

/** A user, with all groups that the engine knows of them; or a group. */
export type Member = { userId: string } | { groupId: string };

export type EngineAccess = ReturnType<typeof createEngineAccess>;

type Row = Record<string, unknown>;
type Query = Record<string, string | number | boolean>;
type Resource = keyof typeof RESOURCE_TYPES;

/** As the engine numbers them. */
const RESOURCE_TYPES = { AUTHORIZATION: 4, PROCESS_INSTANCE: 8, TENANT: 11 } as const;
const KINDS = ['global', 'grant', 'revoke'] as const;
/**
 * With authorization on, the engine sorts and compares all entries for each page, however small: 130 ms for 100,000 of them on
 * PostgreSQL. The smaller sizes are for engines that refuse large pages (`queryMaxResultsLimit`).
 */
const PAGE_SIZES = [20_000, 1_000, 100];
const MAX_STEPS_BACK = 50;
const PATIENCE_MS = 5_000;
const SURE_MS = 5_000;

export type EngineAccessOptions = {
  /** From the one that is tried first to the smallest. */
  pageSizes?: readonly number[];
  /** For one answer. */
  patienceMs?: number;
  nowMs?: () => number;
};

export function createEngineAccess(http: HttpClient, options: EngineAccessOptions = {}) {
  const { patienceMs = PATIENCE_MS, nowMs = () => performance.now() } = options;
  const sureUntilMs = new Map<Resource, number>();
  let pageSizes = options.pageSizes ?? PAGE_SIZES;

  async function get(
    path: string,
    query: Query,
    attempted: string,
    signal: AbortSignal,
    accept: number[] = [],
  ): Promise<HttpAnswer<unknown>> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    try {
      return await http.request({ method: 'GET', path, query, signal: patience, attempted, accept });
    } catch (error) {
      if (failureCodeOf(error) !== 'SHUTTING_DOWN' || signal.aborted) throw error;
      const cause = new Error(`no answer within ${patienceMs} ms`);
      throw new FormvaultError('ENGINE_UNAVAILABLE', attempted, { cause });
    }
  }

  /**
   * Every row, in the order of their ids: the engine sorts by these where no order is asked for (`bindOrderBy` in its
   * mappings), and they are unique; an order that can be asked for is not, and loses rows between pages.
   *
   * A page begins with the last row of the one before. Where it does not, rows were deleted meanwhile and others moved up into
   * what was read already: then it is read again from further ahead.
   */
  async function readAll(path: string, query: Query, attempted: string, signal: AbortSignal): Promise<Row[]> {
    const found = new Map<unknown, Row>();
    let at = 0;
    for (let stepsBack = 0; stepsBack <= MAX_STEPS_BACK; ) {
      const { rows, size } = await readPage(path, { ...query, firstResult: at }, attempted, signal);
      if (at > 0 && !found.has(rows[0]?.id)) {
        at = Math.max(0, at - Math.ceil(size / 2));
        stepsBack++;
        continue;
      }
      for (const row of rows) found.set(row.id, row);
      if (rows.length < size) return [...found.values()];
      at += size - 1;
    }
    const cause = new Error('rows are deleted faster than they can be read');
    throw new FormvaultError('ENGINE_UNAVAILABLE', attempted, { cause });
  }

  async function readPage(path: string, query: Query, attempted: string, signal: AbortSignal) {
    for (;;) {
      const [size = 1, ...smaller] = pageSizes;
      const accept = smaller.length > 0 ? [400] : [];
      const { status, data } = await get(path, { ...query, maxResults: size }, attempted, signal, accept);
      if (status !== 400) return { rows: parseRows(data), size };
      pageSizes = smaller;
    }
  }

  /** Whether our own user may see all of these. */
  async function maySee(resource: Resource, signal: AbortSignal): Promise<boolean> {
    if (nowMs() < (sureUntilMs.get(resource) ?? 0)) return true;
    const permission = { permissionName: 'READ', resourceName: resource, resourceType: RESOURCE_TYPES[resource] };
    const attempted = 'could not ask the engine for our own permissions';
    const query = { ...permission, resourceId: '*' };
    const { status, data } = await get('/authorization/check', query, attempted, signal, [401]);
    const said = data as { authorized?: unknown; type?: unknown } | null;
    // Where nobody signs in to the engine, it has nobody to check, and shows everything.
    const maySee = status === 401 ? typeof said?.type === 'string' : said?.authorized === true;
    if (maySee) sureUntilMs.set(resource, nowMs() + SURE_MS);
    return maySee;
  }

  async function readAuthorizations(query: Query, signal: AbortSignal): Promise<InstanceAuthorization[]> {
    const attempted = 'could not read the authorizations of process instances';
    const ofInstances = { ...query, resourceType: RESOURCE_TYPES.PROCESS_INSTANCE };
    const reading = [
      maySee('AUTHORIZATION', signal),
      readAll('/authorization', ofInstances, attempted, signal),
    ] as const;
    const [mayRead, rows] = await Promise.all(reading).catch((cause: FormvaultError) => {
      throw cause.context?.status === 403 ? mayNotRead(attempted, { cause }) : cause;
    });
    if (!mayRead) throw mayNotRead(attempted);
    return rows.map(parseAuthorization).filter((entry) => entry !== null);
  }

  return {
    /** Of all process instances. */
    readAuthorizations: (signal: AbortSignal) => readAuthorizations({}, signal),

    async readAuthorizationsOf(processInstanceId: string, signal: AbortSignal): Promise<InstanceAuthorization[]> {
      const entries = await readAuthorizations({ resourceId: processInstanceId }, signal);
      // Some databases do not tell `a` from `A`.
      return entries.filter((entry) => entry.processInstanceId === processInstanceId);
    },

    async hasTenants(signal: AbortSignal): Promise<boolean> {
      const { data } = await get('/tenant/count', {}, 'could not count the tenants', signal);
      return Number((data as Row | null)?.count) > 0;
    },

    async readTenantIds(member: Member, signal: AbortSignal): Promise<string[]> {
      const query: Query =
        'userId' in member
          ? { userMember: member.userId, includingGroupsOfUser: true }
          : { groupMember: member.groupId };
      const rows = await readAll('/tenant', query, 'could not read the tenants of a person', signal);
      return rows.map(({ id }) => text(id)).filter((id) => id !== null);
    },

    /** Without the permission, nobody seems to be in any tenant. */
    maySeeTenants: (signal: AbortSignal) => maySee('TENANT', signal),
  };
}

/** `null` for an entry about all instances: `*` is the id of none. */
function parseAuthorization(row: Row): InstanceAuthorization | null {
  const processInstanceId = text(row.resourceId);
  if (processInstanceId === null || processInstanceId === '*') return null;
  const kind = KINDS[row.type as number];
  if (kind === undefined || !Array.isArray(row.permissions)) {
    throw new FormvaultError('ENGINE_UNAVAILABLE', 'expected a type and permissions in an authorization');
  }
  return {
    processInstanceId,
    kind,
    userId: text(row.userId),
    groupId: text(row.groupId),
    isAboutReading: row.permissions.includes('READ') || row.permissions.includes('ALL'),
  };
}

function mayNotRead(attempted: string, details: { cause?: FormvaultError } = {}): FormvaultError {
  return new FormvaultError('ENGINE_REJECTED', attempted, {
    ...details,
    hint: 'Give the user that Formvault signs in to the engine with the permission READ on AUTHORIZATION, for all resources (*).',
  });
}
