"""What makes `npsync serve` go: it takes what is due, has it done, and outlives kills and a clock that jumps."""
