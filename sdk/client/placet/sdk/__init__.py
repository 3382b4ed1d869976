"""Placet sdk."""
