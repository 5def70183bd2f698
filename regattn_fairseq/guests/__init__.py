"""Everything that this package changes in other libraries, one module for each library.

Each change is a function or a context manager, and its docstring says why it is needed. Each has a
test in ``tests/guests`` that shows what the library does without the change. The test fails when
the library is fixed; then the change can be removed.

Importing these modules changes nothing. They import nothing from the rest of the package.
"""
