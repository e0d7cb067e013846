"""Lists of items: varied without losing what people want."""
