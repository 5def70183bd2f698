"""Everything that this package changes in other libraries, a module for each library.

Each change is a function or a context manager that says why it is needed. For each there is a test
in ``tests/guests`` that shows what the library does without it, and that fails once the library has
been mended: then the change can go.

Importing these modules changes nothing. They know nothing of the rest of the package.
"""
