-- The events of a profile, which lose their content when it is expunged. Events of connections are not in it, so that
-- they cost no more than before; the condition must stand in a statement as it stands here.
create index event_of_profile on event (organization_id, subject, revision) where type like 'connection-profile.%';

-- Profiles that a former version has expunged: it left the content of their events. Empty once it is gone; a start asks it.
create index event_to_erase on event (organization_id, subject)
  where type = 'connection-profile.expunged' and data #>> '{connection_profile,expunged}' is null;
