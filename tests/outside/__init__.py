"""Other people's clients against the shop on a socket, as they come: npm packages, which a fixture installs, and Python libraries."""
