"""Publishing: what is sent to become a hosted file, checked and brought in."""
