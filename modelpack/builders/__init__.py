"""What runs inside derivations: the standard library alone, on the package's own pinned Python.

A derivation gets a folder ``modelpack/builders`` that holds only the modules it needs, and runs one of them as a
script; so a module is imported by the same name there and in the front end.
"""
