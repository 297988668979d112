/** Shows on stderr that something slow goes on: one line that counts seconds on a terminal, a line now and then elsewhere. */
export async function withProgress<T>(doing: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const terminal = process.stderr.isTTY;
  const seconds = () => Math.round((performance.now() - startedAt) / 1000);
  const show = terminal
    ? () => process.stderr.write(`\r${doing} … ${seconds()} s`)
    : () => process.stderr.write(`${doing} … ${seconds()} s\n`);

  process.stderr.write(terminal ? `${doing} …` : `${doing} …\n`);
  const ticks = setInterval(show, terminal ? 1_000 : 15_000);
  try {
    const result = await work();
    process.stderr.write(terminal ? `\r${doing} … done in ${seconds()} s\n` : `${doing} … done in ${seconds()} s\n`);
    return result;
  } catch (error) {
    if (terminal) process.stderr.write('\n');
    throw error;
  } finally {
    clearInterval(ticks);
  }
}
