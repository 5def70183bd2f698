"""The bilingual grammar behind ``synthetic_de_en``.

``german`` and ``english`` hold the morphology of one language each, ``lexicon`` the vocabulary that
pairs them, and ``sentences`` the constituents, which realize one meaning in both languages.
"""
