"""SQL, one statement a file: `schema/`, `views/`, `sources/`, `steps/`. No code belongs here.

It is a package so that `importlib.resources.files("sql")` finds the files from a checkout and an installed wheel alike.
"""
