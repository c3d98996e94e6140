"""How many calls does one core carry, and what does each of them notice? See README.md above."""
