"""Placet vault."""
