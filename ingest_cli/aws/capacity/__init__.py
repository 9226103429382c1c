"""The write capacity of a table: read it, change it, raise it for the length of a load, restore it."""
