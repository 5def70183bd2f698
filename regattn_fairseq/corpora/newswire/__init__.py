"""The newsroom behind ``synthetic_headlines``.

``names`` holds countries, people and companies, ``events`` what can happen and how it is told, and
``conventions`` Gigaword's way of writing text down.
"""
