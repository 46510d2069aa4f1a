// The tab Images of the comparison.
import "../compare/images.js";
