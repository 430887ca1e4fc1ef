/** What the databases of the tests hold, in the SQL of all of them, one statement a line. */
export const shopTables = `
create table customers (id integer primary key, name varchar(100) not null);
create table orders (id integer primary key, customer_id integer not null references customers (id), total numeric(10, 2));
create view totals as select customer_id, sum(total) as total from orders group by customer_id;
insert into customers values (1, 'Ada'), (2, 'Grace');
insert into orders values (1, 1, 19.90), (2, 2, 5.00);
`;
