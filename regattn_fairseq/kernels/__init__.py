"""What compiled CPU kernels share, whoever defines them: loading, calls, threads, addresses."""
