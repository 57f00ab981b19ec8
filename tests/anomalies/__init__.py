"""What happens when something fails in the middle: the n-th statement, the process itself."""
