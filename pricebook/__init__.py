"""The example price book, which the demo uses and new projects start from, and its JSON Schema. No code belongs here.

It is a package so that `importlib.resources.files("pricebook")` finds it from a checkout and an installed wheel alike.
"""
