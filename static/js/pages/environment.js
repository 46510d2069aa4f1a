// The pages of one environment.
import "../runs/tab-keys.js";
import "../shared/go-to.js";
