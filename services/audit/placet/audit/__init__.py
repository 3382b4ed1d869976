"""Placet audit."""
