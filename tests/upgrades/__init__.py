"""Databases of earlier versions."""
