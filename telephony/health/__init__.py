"""How well calls went: kept by the hour, told with its error, watched over."""
