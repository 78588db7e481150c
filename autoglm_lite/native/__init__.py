"""The only code that touches llama.cpp's shared libraries."""
