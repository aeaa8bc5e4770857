"""What output checkers see beside a statistic: what changed, what was released before, what is behind each cell."""
