-- The two statements of a ListConnectionProfiles of 50, as the server sends them: the page (one more than was asked for,
-- and no more than a megabyte), then what may be told of its secrets. :ids are the profiles of that page.
select *
from (
  select
    *,
    coalesce(
      sum(octet_length(config::text)) over (order by name, id rows between unbounded preceding and 1 preceding), 0
    ) as bytes_before,
    count(*) over () as candidates
  from (
    select
      organization_id, id, name, connector, config, description, labels, etag, revision, created_at, updated_at,
      created_by, updated_by, deleted_at, last_test
    from connection_profile
    where organization_id = :organization and deleted_at is null
    order by name, id
    limit 51
  ) as candidate
) as sized
where bytes_before < 1000000
order by name, id;
select profile_id, path, fingerprint, updated_at
from connection_profile_secret
where organization_id = :organization and profile_id = any(:ids);
