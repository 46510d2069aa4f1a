// The tab Child jobs: the objective over the children, and parallel coordinates.
import "../runs/trials.js";
import "../compare/parallel.js";
