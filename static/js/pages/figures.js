// A page with the figures of its charts in JSON elements behind them.
import "../shared/figures.js";
