// The form of a job.
import "../runs/changed-fields.js";
