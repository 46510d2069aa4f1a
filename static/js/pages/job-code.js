// Where the code of a new job is chosen.
import "../runs/upload-code.js";
