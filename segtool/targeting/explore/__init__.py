"""What to try on whom: a stated share of sends spent on finding out, drawn with a known chance."""
