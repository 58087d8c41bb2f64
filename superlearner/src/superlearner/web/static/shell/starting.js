/**
 * Waits for the platform and reloads the page at its first message on the socket.
 *
 * @module
 */

import { Feed, liveUrl } from "../live/live.js";

new Feed(liveUrl("supervisors", {}, ""), () => location.reload(), () => {}).start();
