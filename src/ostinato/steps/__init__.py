"""The inside of each step of the line: read, call the library, write. One plain function a module."""
