import { tour } from "./tour.js";

/** The tour in a page. Its address says where the server is; the outcome becomes the text of the page. */
const parameters = new URLSearchParams(location.hash.slice(1));
const [baseUrl = "", token = "", name = ""] = ["baseUrl", "token", "name"].map((key) => parameters.get(key) ?? "");
const transport = parameters.get("transport") === "grpc-web" ? "grpc-web" : "connect";
tour({ baseUrl, token, transport }, name).then(
  (said) => show({ said }),
  (error: unknown) => show({ error: String(error) }),
);

function show(outcome: object): void {
  document.body.textContent = JSON.stringify(outcome);
  document.title = "done";
}
