-- The second half of the trace context of the call that wrote an event, for callers that send one.
alter table event add column tracestate text;
