"""The benchmark's machinery: which servers, which work, how it is measured, what is aimed at."""
