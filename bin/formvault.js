#!/usr/bin/env node
// Plain JavaScript that old versions of Node can read, so that they get a sentence instead of a syntax error.
const wanted = [22, 20];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  console.error(
    `formvault: this is Node ${process.versions.node}; install Node ${wanted.join('.')} or newer, or run it through npx.`,
  );
  process.exitCode = 78;
} else {
  await import('../dist/main.js');
}
