"""What people said to what they were shown."""
