"""Benchmarks: `make bench`. Figures are printed and never asserted: tests are not timed."""
