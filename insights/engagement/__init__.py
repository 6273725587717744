"""How engaged each person is: one number of several features, by weights that people here choose."""
