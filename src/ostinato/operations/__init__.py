"""What a person or a service asks for across rooms: predict, score, promote, roll back, lineage, validate."""
