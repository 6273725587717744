"""Files of rows: what is in them, what they are called, and how they are put where others pick them up."""
