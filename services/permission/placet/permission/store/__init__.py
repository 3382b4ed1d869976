"""The ports over this service's database and memory. Import the modules."""
