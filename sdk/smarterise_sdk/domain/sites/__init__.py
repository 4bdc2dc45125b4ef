"""Sites: the site file, changes to it, their plans and history, and its repair."""
