/**
 * Joins `c`, one connection, to rows that are called `item`, by columns that one unique index has in this order.
 *
 * It asks for the first connection from there on, in the order of that index, and then whether that is the one. Plainly asked
 * (`c.organization_id = item.organization_id and …`) each index that begins with the organization, or with one of the two
 * users, seems as good to the planner where its statistics expect a row or less of them: of a new organization, or of a user
 * with far more connections than others. A look-up then reads all of theirs (1000 pairs of users with 12 000: 4 to 10 s, now
 * 10 ms); or it reads the whole table, by a prepared plan that was made when it was empty. Of a comparison of rows it always
 * expects a third of the table, so that only the index which has the order is cheap.
 */
export function joinConnection(columns: readonly string[], condition = ""): string {
  const wanted = columns.map((column) => `item.${column}`).join(", ");
  return `
  join lateral (
    select * from connection
    where (${columns.join(", ")}) >= (${wanted}) ${condition}
    order by ${columns.join(", ")}
    limit 1
  ) c on (${columns.map((column) => `c.${column}`).join(", ")}) = (${wanted})`;
}

/** By the organization_id and the id of `item`, active or not. */
export const byId = joinConnection(["organization_id", "id"]);

/** The active one of the pair of `item`: its organization_id, user_id_1 and user_id_2. */
export const byPair = joinConnection(["organization_id", "user_id_1", "user_id_2"], "and is_active");
