"""From a service, an OpenAPI document or a recorded session to a first scenario and settings.

``openapi``, ``har`` and what they use are pure: text or data in, nouns of ``draft`` out. ``probe``,
``fetch`` and ``write`` do I/O.
"""
