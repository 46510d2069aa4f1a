// A log in the tab Outputs + logs of a job.
import "../runs/log-viewer.js";
