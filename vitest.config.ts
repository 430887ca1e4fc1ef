import { configDefaults, defineConfig } from "vitest/config";
import { extendedTestFiles } from "./test/support/test-projects.ts";

const extended = extendedTestFiles();

export default defineConfig({
  test: {
    globalSetup: "test/support/global-setup.ts",
    // Real servers and real processes: a slow machine must not look like a failure.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: "npm-only", include: ["test/**/*.test.ts"], exclude: [...configDefaults.exclude, ...extended] },
      },
      { extends: true, test: { name: "extended", include: extended } },
    ],
  },
});
