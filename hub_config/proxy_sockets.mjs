// Loaded into configurable-http-proxy before it starts: connections to UNIX sockets are kept open.
//
// The proxy asks every socket to close its connection after one answer. A server that answers a POST at once has then
// closed it while Node still finishes the request; Node takes that for an error (write EPIPE, nodejs/node#40553) and
// the person sees "503 Service Unavailable" in place of the answer. To TCP targets the proxy keeps connections open.

import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";

const command = pathToFileURL(realpathSync(process.argv[1]));
const { ConfigurableProxy } = await import(new URL("../lib/configproxy.js", command));
const forTarget = ConfigurableProxy.prototype.proxyOptsForTarget;

ConfigurableProxy.prototype.proxyOptsForTarget = function (target) {
  const options = forTarget.call(this, target);
  if (options.target.socketPath) options.agent = this.httpAgent;
  return options;
};
