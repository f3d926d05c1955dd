"""The analysis tried on latencies of known truth: simulated, judged by the real code, held to bounds."""
