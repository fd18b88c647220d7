"""What one visitor has chosen and sees: one session object a browser tab."""
