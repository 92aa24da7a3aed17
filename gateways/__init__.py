"""What stands outside and is spoken to: receivers of alerts, and payment providers (later), behind small protocols.

What belongs here: the protocols, one module per way of speaking, and a real second implementation for tests. What does not:
what a payment does to the books (`rating/`) and when somebody is spoken to (`assets/`, `pipelines/`).
"""
