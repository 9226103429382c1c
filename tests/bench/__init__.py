"""How fast the program is, beside the way it was done in 2017, and where its time goes.

    python -m tests.bench --help

Figures of a shared machine are noisy: the contenders take turns within one run, and it is the ratios that count.
"""
