"""The platform: see, steer and learn supervision trees."""
