"""Groups of people who are alike: fitted, told in words, and known again from run to run."""
