import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { extendedTestFiles } from "./test/support/test-projects.ts";

const extended = extendedTestFiles();

// The tests' workers and the servers that they start keep what they compiled: a start of the service costs a third less.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, ".cache/compiled");

export default defineConfig({
  test: {
    globalSetup: "test/support/global-setup.ts",
    // Many times what anything here takes: these bounds are for what hangs. On a busy machine a second can take ten.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 90_000 } },
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "npm-only",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...extended],
          // Its files wait more than they compute: four at a time on two cores take two thirds of the time of two.
          maxWorkers: 4,
          // A worker runs one file after the other and keeps the modules that they import, which takes a third off the processor time.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: "extended", include: extended, sequence: { groupOrder: 1 } } },
    ],
  },
});
