"""The starter projects of modelpack, as package data: poetry-core takes a folder only with a module in it."""
