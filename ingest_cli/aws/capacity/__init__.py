"""Write capacity of a table: read, change, raise for the duration of a load, restore."""
