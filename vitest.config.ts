import { configDefaults, defineConfig } from "vitest/config";

/** What measures time: it runs after everything else, with the machine to itself. */
const measured = ["test/app/black-holes.test.ts", "test/app/start-time.test.ts"];

export default defineConfig({
  test: {
    globalSetup: "test/support/global-setup.ts",
    // Real servers and real processes: a slow machine must not look like a failure.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    // On a shared machine with two cores a deadline can pass by itself. What fails twice is broken; a second try is reported.
    retry: process.env.CI === undefined ? 0 : 1,
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...measured],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "measured", include: measured, sequence: { groupOrder: 1 }, fileParallelism: false },
      },
    ],
  },
});
