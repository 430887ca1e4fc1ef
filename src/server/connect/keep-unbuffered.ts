import type { Interceptor } from "@connectrpc/connect";

/**
 * Sets the headers by which proxies and browsers keep no response: its data belongs to one caller. nginx passes the messages of a
 * stream on as they come, rather than when its buffer is full.
 */
export const keepUnbuffered: Interceptor = (next) => async (request) => {
  const response = await next(request);
  response.header.set("cache-control", "no-store");
  if (response.stream) response.header.set("x-accel-buffering", "no");
  return response;
};
