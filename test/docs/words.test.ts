import { expect, test } from "vitest";
import { pages, proseOf } from "./read-page.ts";

/** Words that only this project would understand; each has a term of the field. */
const homeMade =
  /\b(doors?|lobb(?:y|ies)|strangers?|told|candidates?|tries|facades?|the house|the walk|noun|verbs?)\b/gi;

/** Without what is quoted from code: names of files, of fields and of labels. */
const wordsOf = (page: string) => proseOf(page).replaceAll(/`[^`\n]*`|\]\([^)]*\)/g, "");

test.each(pages)("%s speaks the field's language", (page) => {
  expect("a door, a lobby and a stranger".match(homeMade)).toHaveLength(3);
  expect(wordsOf(page).match(homeMade) ?? []).toEqual([]);
});
