/**
 * Shows on the source process instance that something of it could not be persisted.
 *
 *   mirror   an incident of the engine's own type with the id of *our* external task as its configuration. Cockpit takes stack
 *            trace and retry button from that task, and the engine removes all incidents of this configuration together: when
 *            the task is tried again or ends, and also when the execution that carries one of them ends. The last takes our
 *            own incident away too; the watchdog puts it back.
 *   custom   an incident with the message only, under a configuration of ours; nobody but us removes it.
 *
 * The task is looked at once more *after* its mark stands. A task that was tried again in between has nothing left that would
 * take the mark away, and people cannot remove one of the engine's type.
 */
import { type EngineIncidents, EXTERNAL_TASK_FAILED } from '../engine/engine-incidents.ts';
import type { Log } from '../observability/log.ts';

export type SourceIncidentMode = 'none' | 'custom' | 'mirror';

/**
 * `standing`: the mark is there; `over`: there is no source that could carry it; `tried again`: the task needs none any more;
 * `nowhere`: the source is alive, but no activity of it could be found.
 */
export type Mark = 'standing' | 'over' | 'tried again' | 'nowhere';

export type SourceIncidents = {
  /** Repeats safely. A failure is logged and left to the watchdog. */
  mark(task: { id: string }, place: Place, message: string, signal: AbortSignal): Promise<void>;
  /** As `mark`, for whoever wants to know. @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED */
  ensureMark(task: { id: string }, place: Place, message: string, signal: AbortSignal): Promise<Mark>;
  /** After a success. Repeats safely. A failure is logged and left to the watchdog. */
  clear(task: { id: string }, signal: AbortSignal): Promise<void>;
};

type Place = { processInstanceId: string | null };

type Options = { mode: SourceIncidentMode; incidents: EngineIncidents; log: Log };

export const CUSTOM_TYPE = 'formDataNotPersisted';
const CUSTOM_PREFIX = 'formvault:';
/** What the engine's column holds, with something to spare. */
const MAX_MESSAGE_LENGTH = 3_990;
/** A source that moves on while it is looked at has ended its activity before the mark could be made. */
const LOOKS = 3;

export function createSourceIncidents({ mode, incidents, log }: Options): SourceIncidents {
  const type = mode === 'mirror' ? EXTERNAL_TASK_FAILED : CUSTOM_TYPE;
  const configurationOf = (task: { id: string }) => (mode === 'mirror' ? task.id : customConfiguration(task.id));

  async function ensureMark(task: { id: string }, place: Place, message: string, signal: AbortSignal): Promise<Mark> {
    const { processInstanceId } = place;
    if (mode === 'none' || processInstanceId === null) return 'over';
    const wanted = { type, configuration: configurationOf(task), message: cut(message) };
    const standing = (await incidents.findByConfiguration(wanted.configuration, signal)).find(
      (incident) => incident.type === type && incident.processInstanceId === processInstanceId,
    );
    if (standing !== undefined) {
      if (mode === 'mirror' || standing.message === wanted.message) return 'standing';
      await incidents.remove(standing.id, signal);
    }
    for (let look = 0; look < LOOKS; look++) {
      const executionId = await incidents.findLeafExecution(processInstanceId, signal);
      if (executionId === null) return 'over';
      if ((await incidents.create(executionId, wanted, signal)) !== 'created') continue;
      if ((await incidents.readRetriesLeft(task.id, signal)) === 'none') return 'standing';
      if (mode === 'mirror') await withdrawIncidents(incidents, wanted.configuration, executionId, signal);
      else await removeCustom(incidents, wanted.configuration, signal);
      return 'tried again';
    }
    return 'nowhere';
  }

  return {
    ensureMark,

    async mark(task, place, message, signal) {
      const { processInstanceId } = place;
      const fields = { externalTaskId: task.id, processInstanceId };
      try {
        const mark = await ensureMark(task, place, message, signal);
        if (mark === 'nowhere') log.warn(fields, 'no activity of the source process instance to mark');
      } catch (err) {
        if (!signal.aborted) log.warn({ ...fields, err }, 'could not mark the source process instance');
      }
    },

    async clear(task, signal) {
      if (mode !== 'custom') return;
      try {
        await removeCustom(incidents, configurationOf(task), signal);
      } catch (err) {
        if (!signal.aborted) log.warn({ externalTaskId: task.id, err }, 'could not clear the source process instance');
      }
    },
  };
}

const customConfiguration = (taskId: string): string => `${CUSTOM_PREFIX}${taskId}`;

/** The external task that a custom incident is about; `null` for an incident of somebody else. */
export function taskOfCustom(configuration: string | null): string | null {
  return configuration?.startsWith(CUSTOM_PREFIX) ? configuration.slice(CUSTOM_PREFIX.length) : null;
}

/** On the border of a character. */
function cut(message: string): string {
  return message.slice(0, MAX_MESSAGE_LENGTH).replace(/[\uD800-\uDBFF]$/, '');
}

/** The engine lets go of incidents of its own type only together with one of another type that has the same configuration. */
export async function withdrawIncidents(
  incidents: EngineIncidents,
  configuration: string,
  executionId: string,
  signal: AbortSignal,
): Promise<void> {
  await incidents.create(executionId, { type: CUSTOM_TYPE, configuration, message: '' }, signal);
  await removeCustom(incidents, configuration, signal);
}

async function removeCustom(incidents: EngineIncidents, configuration: string, signal: AbortSignal): Promise<void> {
  for (const incident of await incidents.findByConfiguration(configuration, signal)) {
    if (incident.type === CUSTOM_TYPE) await incidents.remove(incident.id, signal);
  }
}
