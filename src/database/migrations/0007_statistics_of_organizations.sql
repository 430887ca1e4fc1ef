-- The planner keeps no statistics of the organizations of connections, and expects each to have a 200th of the table. What it
-- measured knew nothing of an organization that came later: it expected one row of it, so that an index of the organization
-- alone seemed as good as one that begins with organization and user, and ListConnections, CountConnections and
-- DeleteConnection read the whole organization.
alter table connection alter column organization_id set statistics 0;
