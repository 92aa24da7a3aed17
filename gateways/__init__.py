"""Payment providers behind one small protocol.

What belongs here: the protocol, one module per provider, and a real second implementation for tests. What does not:
what a payment does to the books (`rating/`) and when providers are asked (`assets/`, `pipelines/`).
"""
