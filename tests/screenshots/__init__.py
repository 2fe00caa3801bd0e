"""The documents' pictures: the running program, photographed by whoever wants to see that they are true."""
