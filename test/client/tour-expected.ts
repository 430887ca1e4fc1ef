/** What the tour of program/tour.ts says when all is well. */
export const tourExpected = [
  "knows kafka true",
  "begins with BOOKMARK",
  "listed 3",
  "saw CREATED true",
  "saw CREATED true",
  "saw CREATED true",
  "again true",
  "known true",
  "described broker1:9092",
];
