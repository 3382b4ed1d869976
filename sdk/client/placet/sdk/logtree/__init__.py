"""A log read as its C2SP tree (files or gateway) by those who check it: replay and monitor. Trusts nothing it reads."""
