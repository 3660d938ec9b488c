"""The benchmarks behind ``scripts/bench``: the crawler seen from outside, its output checked."""
