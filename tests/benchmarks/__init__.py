"""What the benchmarks decide and draw, apart from what they measure."""
