import { tour } from "./tour.js";

/** The tour in Node: `main.js <transport> <baseUrl> <token> <name>`. */
const [transport, baseUrl = "", token = "", name = ""] = process.argv.slice(2);
if (transport !== "grpc" && transport !== "connect" && transport !== "grpc-web") throw new Error("which transport?");
process.stdout.write(JSON.stringify(await tour({ baseUrl, token, transport }, name)));
