"""Where: the channels people answer on, and what each allows."""
