// The tab Charts of the comparison.
import "../compare/curves.js";
