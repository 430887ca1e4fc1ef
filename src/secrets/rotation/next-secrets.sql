-- Locks and reads the next secrets under former data keys, after a position. Rows locked by another transaction are
-- skipped; the next pass reads them again. Both conditions express the same position, so that each index starts there.
select s.organization_id, s.profile_id, s.path, s.data_key_id, s.ciphertext
from secret_data_key k
join connection_profile_secret s on s.organization_id = k.organization_id and s.data_key_id = k.id
where not k.is_current
  and (k.organization_id, k.id) >= (:organization_id, :data_key_id)
  and (s.organization_id, s.data_key_id, s.profile_id, s.path) > (:organization_id, :data_key_id, :profile_id, :path)
order by s.organization_id, s.data_key_id, s.profile_id, s.path
limit :limit
for no key update of s skip locked
