// The tab Logs of the comparison.
import "../compare/logs.js";
