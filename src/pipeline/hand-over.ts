/**
 * A change that cannot be kept now -> an instance of our own process, whose external task keeps it later.
 *
 * It is started once for a change: whoever starts it looks first, also for one that a lost answer or an earlier leader started.
 */
import pLimit from 'p-limit';
import type { EngineProcesses } from '../engine/engine-processes.ts';
import { OWN_PROCESS_KEY } from '../engine/history-rows.ts';
import type { About } from '../incidents/incident-message.ts';
import { renderSource, SOURCE_VARIABLE } from '../incidents/source-variable.ts';
import type { Change, ChangeRef } from '../submission/change.ts';
import type { Topic } from './prepare-changes.ts';

export type HandOver = ReturnType<typeof createHandOver>;

const AT_ONCE = 8;

export function createHandOver(processes: Pick<EngineProcesses, 'start' | 'findStarted'>) {
  const limit = pLimit(AT_ONCE);

  return {
    /** Those of some changes that were handed over, whatever became of them. */
    async findHandedOver(refs: ChangeRef[], signal: AbortSignal): Promise<ReadonlySet<string>> {
      return processes.findStarted(OWN_PROCESS_KEY, refs, signal);
    },

    /** @throws FormvaultError ENGINE_UNAVAILABLE, ENGINE_REJECTED; it may be called again */
    handOver(
      change: Change,
      details: About & { topic: Topic; activityId: string | null; taskId: string | null; suspect?: true },
      signal: AbortSignal,
    ): Promise<void> {
      const { topic, activityId, taskId, form, caseId, suspect } = details;
      const source = {
        topic,
        processInstanceId: change.processInstanceId,
        processDefinitionKey: change.processDefinitionKey,
        activityId,
        taskId,
        form,
        case: caseId,
        ...(suspect === undefined ? {} : { suspect }),
      };
      const variables = { [SOURCE_VARIABLE]: renderSource(source) };
      return limit(async () => {
        const started = await processes.findStarted(OWN_PROCESS_KEY, [change.ref], signal);
        if (started.has(change.ref)) return;
        await processes.start({ key: OWN_PROCESS_KEY, businessKey: change.ref, variables }, signal);
      });
    },
  };
}
