// The tab Scatter plot of the comparison.
import "../compare/scatter.js";
import "../compare/save-image.js";
