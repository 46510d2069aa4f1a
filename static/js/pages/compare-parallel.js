// The tab Parallel coordinates of the comparison.
import "../compare/parallel.js";
import "../compare/save-image.js";
