"""The stages of an experiment: preprocess, train, evaluate, report; and all of them in a row."""
