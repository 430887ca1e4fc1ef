import { request } from "node:http";
import { request as requestTls } from "node:https";
import { connect } from "node:net";

// Ends with 0 while the service of this container is ready (GET /readyz), else with 1. The certificate is not verified: it is for
// the name that callers use, and nobody but this container answers here. Where callers need a certificate of their own an open
// port is all that can be looked at.

const { HTTP_ADDR = "127.0.0.1:8080", TLS_CERT_FILE, TLS_CLIENT_CA_FILE } = process.env;
const [, bracketed, plain = "127.0.0.1", port = "8080"] = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(HTTP_ADDR) ?? [];
const address = bracketed ?? plain;
const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
const timeout = 4000;

/** @param {string} problem */
function fail(problem) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}

setTimeout(() => fail(`no answer within ${timeout} ms`), timeout).unref();
if (TLS_CLIENT_CA_FILE) {
  connect({ host, port: Number(port) }, () => process.exit(0)).on("error", (error) => fail(error.message));
} else {
  const options = { host, port, path: "/readyz", agent: false };
  const call = TLS_CERT_FILE ? requestTls({ ...options, rejectUnauthorized: false }) : request(options);
  call.on("error", (error) => fail(error.message));
  call.on("response", (response) => {
    if (response.statusCode === 200) process.exit(0);
    response.setEncoding("utf8").on("data", (text) => fail(`${response.statusCode}: ${text}`));
  });
  call.end();
}
