"""Long stories told through the API, with the clock moved between the calls."""
