"""Placet gateway."""
