// The tab Images of a job.
import "../runs/image-viewer.js";
