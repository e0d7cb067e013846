"""What activities did to a group: an event study of each, against matched groups on the same days."""
