-- The event of a create under a request_id has an id that is made from the request_id, a UUID of version 8 (all other
-- event ids are of version 7). So a repetition finds the first one's event, and a second create under the same
-- request_id cannot be written. No other event is in this index, which costs a create without request_id nothing.
create unique index event_of_request on event (organization_id, id) where get_byte(uuid_send(id), 6) >> 4 = 8;
