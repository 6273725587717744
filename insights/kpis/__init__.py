"""Key performance indicators: daily figures of the log, what they come to over a period, and notes on the time line."""
