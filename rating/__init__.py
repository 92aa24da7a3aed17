"""The pure charge engine: frames and values in, frames and values out."""
