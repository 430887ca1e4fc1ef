import type { Knex } from "knex";
import { pino } from "pino";
import { expect, test } from "vitest";
import { createHealthCheck } from "../../src/server/health.ts";

const away = "the database does not answer";

/** A database that counts how often it is asked, and a clock that stands still. */
function start() {
  const database = { asked: 0, answers: true, time: 0 };
  const raw = async () => {
    database.asked += 1;
    if (!database.answers) throw new Error("away");
    return { rows: [{ readOnly: "off", standby: false }] };
  };
  const knex = { raw } as unknown as Knex;
  return { database, health: createHealthCheck({ knex, log: pino({ level: "silent" }), now: () => database.time }) };
}

test("whoever asks within a second gets the answer of one look, however many ask", async () => {
  const { database, health } = start();
  const answers = await Promise.all(Array.from({ length: 400 }, () => health.check()));
  for (let index = 0; index < 400; index += 1) answers.push(await health.check());
  expect([new Set(answers), database.asked]).toEqual([new Set([undefined]), 1]);

  database.answers = false;
  database.time += 999;
  expect([await health.check(), database.asked]).toEqual([undefined, 1]);
  database.time += 1;
  expect([await health.check(), await health.check(), database.asked]).toEqual([away, away, 2]);
  health.stop();
});

test("after the stop nothing is asked, and the answer is no", async () => {
  const { database, health } = start();
  health.stop();
  const { asked } = database;
  expect([await health.check(), database.asked]).toEqual(["the service is being stopped", asked]);
});
