import { configDefaults, defineConfig } from "vitest/config";
import { extendedTestFiles } from "./test/support/test-projects.ts";

const extended = extendedTestFiles();

export default defineConfig({
  test: {
    globalSetup: "test/support/global-setup.ts",
    // Many times what anything here takes: these bounds are for what hangs. On a busy machine a second can take ten.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
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
