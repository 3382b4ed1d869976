"""How a controller stands with R1 to R16 of law.md: facts in, findings out. Import the modules."""
