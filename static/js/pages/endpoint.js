// The page of an endpoint with versions.
import "../endpoints/traffic.js";
