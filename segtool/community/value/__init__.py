"""What groups talk about: against what they are for, against each other, and against their own past."""
