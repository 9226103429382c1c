"""Where items go. `interface.py` says what a sink must offer; the contract tests run every one."""
