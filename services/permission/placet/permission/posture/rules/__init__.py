"""The rules R1 to R16, each a function from facts and a moment to points, in modules by what they look at."""
