"""When people came, and who of them came back: triangles of closed periods."""
