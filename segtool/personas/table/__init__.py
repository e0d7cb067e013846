"""Columns of any kind as the matrices that estimators read; what is missing stays missing all the way."""
