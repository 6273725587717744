"""What is said to whom, and whether it worked: experiments."""
