"""The version, which is also that of the library that belongs to it."""
__version__ = "0.1.0"
