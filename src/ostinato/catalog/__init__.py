"""Where music comes from: a folder, a table, or the demo catalogue."""
