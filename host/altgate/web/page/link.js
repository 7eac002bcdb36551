"use strict";
// Runs before anything else is fetched: the token of a link leaves the address bar and the history at once.

const link = { token: location.hash.slice(1) };
if (link.token) history.replaceState(null, "", location.pathname);
