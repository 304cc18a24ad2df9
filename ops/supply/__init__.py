"""What others wrote and we install: is it known to be harmful, may it be used, what of it ships."""
