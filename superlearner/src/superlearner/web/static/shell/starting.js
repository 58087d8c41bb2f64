/**
 * Waits until the platform is there: its first words on the socket are the sign to load the page anew.
 *
 * @module
 */

import { Feed, liveUrl } from "../live/live.js";

new Feed(liveUrl("supervisors", {}, ""), () => location.reload(), () => {}).start();
