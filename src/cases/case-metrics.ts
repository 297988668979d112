import type { CaseMetrics } from './found-case.ts';

/** As the seeds' system counts: whole seconds of each instance that is over, and their mean without its fraction. */
export function caseMetrics(
  instances: readonly { startDate: string | null; endDate: string | null }[],
  tasks: { open: number; ended: number },
): CaseMetrics {
  const seconds: number[] = [];
  for (const { startDate, endDate } of instances) {
    if (endDate !== null) seconds.push(secondsBetween(startDate ?? endDate, endDate));
  }
  const overall = seconds.reduce((sum, each) => sum + each, 0);
  return {
    noOfRunningProcessInstances: instances.length - seconds.length,
    noOfCompletedProcessInstances: seconds.length,
    noOfOpenUserTasks: tasks.open,
    noOfCompletedUserTasks: tasks.ended,
    overallTimeInSeconds: overall,
    averageTimeToCompleteProcessInSeconds: seconds.length === 0 ? 0 : Math.floor(overall / seconds.length),
  };
}

function secondsBetween(start: string, end: string): number {
  return Math.floor(Math.abs(Date.parse(end) - Date.parse(start)) / 1000);
}
