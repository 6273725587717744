"""Figures of quality by day: how much came, how much of it holds, how fresh and how full it is; alerts."""
