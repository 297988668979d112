type Stoppable = { stop(): Promise<void> };

/** Jest loads set-up and tear-down apart from each other; only the global object is common to both. */
export function runningServers(): Stoppable[] {
  const shared = globalThis as typeof globalThis & { formvaultTestServers?: Stoppable[] };
  shared.formvaultTestServers ??= [];
  return shared.formvaultTestServers;
}

export default async function stopServers(): Promise<void> {
  await Promise.all(
    runningServers()
      .splice(0)
      .map((server) => server.stop()),
  );
}
