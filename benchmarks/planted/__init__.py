"""Small services with one planted bug each, by which a generator of test cases is measured."""
