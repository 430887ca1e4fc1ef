import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/app/parse-config.ts";
import { imageEnvironment, isKnown, lastStage, readFile, startCommand } from "./read-deploy.ts";

const root = join(import.meta.dirname, "../..");
const stage = lastStage();
const textOf = (name: string) => stage.findLast((one) => one.name === name)?.text ?? "";

/** What is copied from the checkout. */
const copied = readFile("Dockerfile")
  .split("\n")
  .filter((line) => line.startsWith("COPY ") && !line.includes("--from"))
  .flatMap((line) => line.split(" ").slice(1, -1));

test("the image runs what npm start runs, as an ordinary user, below a program that passes signals on", () => {
  expect(JSON.parse(textOf("CMD"))).toEqual(startCommand);
  expect(JSON.parse(textOf("ENTRYPOINT"))).toEqual(["tini", "--"]);
  expect(textOf("USER")).toBe("node");
  expect(stage.findIndex(({ name }) => name === "USER")).toBeGreaterThan(
    stage.findLastIndex(({ name }) => name === "RUN" || name === "COPY"),
  );
  expect(textOf("HEALTHCHECK")).toContain('CMD ["node", "deploy/health-check.js"]');
});

test("its variables are settings, and its ports those of its addresses", () => {
  const { NODE_ENV, ...variables } = imageEnvironment();
  expect(NODE_ENV).toBe("production");
  expect(Object.keys(variables).filter((name) => !isKnown(name))).toEqual([]);
  const issuer = {
    AUTH_ISSUER: "https://issuer.example",
    AUTH_AUDIENCE: "x",
    AUTH_JWKS_URL: "https://issuer.example/k",
  };
  const { grpcAddress, httpAddress } = parseConfig({ ...variables, ...issuer });
  expect(textOf("EXPOSE")).toBe(`${grpcAddress.port} ${httpAddress.port}`);
});

test("what is copied is in the checkout, let through by .dockerignore, and enough to start", () => {
  expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const [first, ...through] = readFile(".dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(first).toBe("*");
  expect(through.map((line) => line.replace(/^!/, "")).toSorted()).toEqual([...new Set(copied)].toSorted());
  const program = startCommand.find((word) => /\.[jt]s$/.test(word)) ?? "";
  // src imports src, gen and package.json alone: test/architecture.
  for (const needed of ["src", "gen", "package.json", program.split("/")[0] ?? ""]) expect(copied).toContain(needed);
});
