"""What all compiled CPU kernels share, wherever they are: loading, calls, threads, addresses."""
