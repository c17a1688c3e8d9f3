"""What a report is made of: the records with labels, targets, times and their noise."""
