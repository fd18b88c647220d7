"""How good an encoder is: by classes where they are known, by the shape of its space, and by what should not matter."""
