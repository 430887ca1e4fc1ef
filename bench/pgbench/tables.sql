-- What the scripts need beside the product's tables.
insert into organization values ('bench', 0);
-- Far above the counter of the organization: both scripts write into the same event log.
create sequence free_revision start 1000000000000;
